"""The image, the compose file and the manifests say nothing that the project does not have."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from case_api.cli import postgres
from case_api.settings import CallerSettings
from case_api.settings import Settings as ApiSettings
from case_scheduler.app import CLOSE_S, DRAIN_S
from case_scheduler.settings import Settings as SchedulerSettings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTRUCTIONS = {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"}
SETTINGS = {
    f"CASELOG_{name.upper()}" for kind in (ApiSettings, SchedulerSettings, CallerSettings) for name in kind.model_fields
}
PASSWORDS = {"CASELOG_OWNER_PASSWORD", "CASELOG_APP_PASSWORD", "CASELOG_SCHEDULER_PASSWORD"}
"""What compose.yaml takes from the operator's shell and puts into addresses; no settings of ours."""
COMMANDS = {"up", "migrate", "keys", "policies", "case", "clock", "audit", "queue", "post"}
PINNED = re.compile(r"[a-z]+:\d+\.\d+[a-z0-9.-]*")


def instructions() -> list[tuple[str, str]]:
    """The Containerfile, instruction by instruction."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(name, said.strip()) for name, _, said in (line.partition(" ") for line in joined.splitlines())]


def said_by(name: str) -> list[str]:
    return [said for instruction, said in instructions() if instruction == name]


def manifests() -> dict[tuple[str, str], dict[str, Any]]:
    """Every Kubernetes object by kind and name."""
    found = {}
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for one in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            found[one["kind"], one["metadata"]["name"]] = one
    return found


def pods() -> dict[str, dict[str, Any]]:
    return {
        name: one["spec"]["template"]["spec"]
        for (kind, name), one in manifests().items()
        if kind in {"Deployment", "Job"}
    }


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    for pod, spec in pods().items():
        for one in (*spec.get("initContainers", ()), *spec["containers"]):
            yield f"{pod}/{one['name']}", one


def compose() -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return said


def assert_runs(command: list[str]) -> None:
    """Whether the image has what this command starts."""
    if command[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(f"{command[2]}.__main__") is not None
    else:
        assert command[0] in PROJECT["scripts"]
        assert command[1] in COMMANDS


def test_the_image_is_built_of_what_is_here() -> None:
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    for said in said_by("COPY"):
        *sources, _ = [word for word in said.split() if not word.startswith("--")]
        if "--from=" not in said:
            assert all((ROOT / source).exists() for source in sources), said
    for said in said_by("FROM"):
        assert PINNED.fullmatch(said.split()[0]), said


def test_the_image_holds_what_the_lock_says_and_every_source_root() -> None:
    install, project = (said for said in said_by("RUN") if " install " in said and "pip" in said)
    assert "--require-hashes --requirement requirements.lock" in install
    assert "--no-deps" in project
    copied = {word for said in said_by("COPY") for word in said.split()}
    roots = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("*/*/*/__init__.py")} - {"tests"}
    assert roots <= copied
    assert {"pyproject.toml", "setup.py", "migrations", "README.md", *PROJECT["license-files"]} <= copied
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    }
    assert allowed == copied & allowed, "what is not copied is not sent to the builder"
    assert {word for word in copied if (ROOT / word).exists()} - {"./", "."} <= allowed, "what is copied is sent"


def test_the_image_runs_the_api_as_nobody_and_looks_after_it() -> None:
    (user,) = said_by("USER")
    assert all(part.isdigit() and int(part) >= 10_000 for part in user.split(":"))
    (port,) = said_by("EXPOSE")
    (health,) = said_by("HEALTHCHECK")
    assert f"127.0.0.1:{port}/healthz" in health
    environment = dict(pair.split("=", 1) for said in said_by("ENV") for pair in said.split())
    assert environment["CASELOG_PORT"] == port
    assert environment["CASELOG_ENV"] == "production"
    assert {name for name in environment if name.startswith("CASELOG_")} <= SETTINGS
    (command,) = said_by("CMD")
    assert_runs(yaml.safe_load(command))


def test_compose_starts_in_order_what_there_is_to_start() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "migrate", "policies", "api", "scheduler"}
    version = PROJECT["version"]
    for name, service in services.items():
        assert PINNED.fullmatch(service["image"]), name
        assert set(service.get("depends_on", ())) <= set(services)
        if name == "postgres":
            continue
        assert service["image"] == f"caselog:{version}"
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
        assert_runs(service["command"])
        assert set(service["environment"]) <= SETTINGS, name
        assert service["environment"]["CASELOG_ENV"] == "production", name
        assert set(service.get("secrets", ())) <= set(compose()["secrets"])
        locked = (service["read_only"], service["cap_drop"], service["security_opt"])
        assert locked == (True, ["ALL"], ["no-new-privileges:true"]), name
    assert "ports" not in services["postgres"], "it is for the others alone"
    assert services["policies"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    for name in ("api", "scheduler"):
        assert services[name]["depends_on"]["policies"]["condition"] == "service_completed_successfully"
    (port,) = said_by("EXPOSE")
    assert services["api"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    for volume in services["postgres"]["volumes"]:
        source = volume.split(":")[0]
        assert source in compose()["volumes"] or (DEPLOY / source).is_file(), volume


def test_compose_lets_nobody_else_read_the_master_key_nor_its_postgres_tell_who_is_in_a_row() -> None:
    told = (DEPLOY / "compose.yaml").read_text(encoding="utf-8").partition("name: caselog")[0]
    (user,) = said_by("USER")
    assert "(umask 077; " in told
    assert f"chown {user.partition(':')[0]} deploy/master.key" in told
    assert "chmod" not in told
    assert "(umask 077; " in (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    quiet = ("log_error_verbosity", "log_min_error_statement")
    assert {f"{name}={postgres.SETTINGS[name]}" for name in quiet} <= set(compose()["services"]["postgres"]["command"])


def test_compose_gives_each_service_its_own_login_and_only_migrations_the_owners() -> None:
    services = compose()["services"]
    logins = {
        name: re.findall(r"postgresql://(\w+):\$\{(\w+)\}@postgres:5432/caselog", str(service.get("environment")))
        for name, service in services.items()
    }
    assert logins["migrate"] == [("caselog_owner", "CASELOG_OWNER_PASSWORD")]
    assert logins["api"] == logins["policies"] == [("caselog_app", "CASELOG_APP_PASSWORD")]
    assert logins["scheduler"] == [("caselog_scheduler", "CASELOG_SCHEDULER_PASSWORD")]
    passwords = (DEPLOY / "compose-passwords.sh").read_text(encoding="utf-8")
    for name in PASSWORDS:
        assert services["postgres"]["environment"][name].startswith(f"${{{name}:?"), "none is not a password"
        assert f'"${name}"' in passwords
    roles = (DEPLOY / "roles.sql").read_text(encoding="utf-8")
    for login, _ in (*logins["migrate"], *logins["api"], *logins["scheduler"]):
        assert f"ALTER ROLE {login} LOGIN" in roles
        assert f"ALTER ROLE {login} PASSWORD" in passwords


def test_kubernetes_has_the_job_both_services_and_a_disruption_budget() -> None:
    assert {kind for kind, _ in manifests()} == {"Job", "Deployment", "Service", "PodDisruptionBudget"}
    api = manifests()["Deployment", "caselog-api"]
    labels = api["spec"]["template"]["metadata"]["labels"]
    assert api["spec"]["selector"]["matchLabels"] == labels
    assert manifests()["Service", "caselog"]["spec"]["selector"] == labels
    budget = manifests()["PodDisruptionBudget", "caselog-api"]["spec"]
    assert budget["selector"]["matchLabels"] == labels
    assert budget["minAvailable"] < api["spec"]["replicas"], "a node can still be drained"
    scheduler = manifests()["Deployment", "caselog-scheduler"]["spec"]
    assert scheduler["selector"]["matchLabels"] == scheduler["template"]["metadata"]["labels"] != labels


@pytest.mark.parametrize(("name", "container"), list(containers()), ids=[name for name, _ in containers()])
def test_a_container_is_locked_down_and_asks_for_what_there_is(name: str, container: dict[str, Any]) -> None:
    assert container["image"] == f"caselog:{PROJECT['version']}"
    assert_runs(container["command"])
    assert {one["name"] for one in container["env"]} <= SETTINGS
    assert {"name": "CASELOG_ENV", "value": "production"} in container["env"]
    for one in container["env"]:
        if one["name"].endswith("_URL"):
            assert "value" not in one, f"{one['name']} comes by reference: it holds a password or differs by place"
    assert set(container["resources"]) == {"requests", "limits"}
    locked = container["securityContext"]
    assert locked["allowPrivilegeEscalation"] is False
    assert locked["readOnlyRootFilesystem"] is True
    assert locked["capabilities"] == {"drop": ["ALL"]}
    spec = pods()[name.partition("/")[0]]
    assert spec["securityContext"]["runAsNonRoot"] is True
    (user,) = said_by("USER")
    assert f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}" == user
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False, "nobody here asks Kubernetes for anything"
    mounted = {one["name"] for one in container.get("volumeMounts", ())}
    assert mounted <= {one["name"] for one in spec.get("volumes", ())}


def test_the_api_is_probed_where_it_answers() -> None:
    (container,) = pods()["caselog-api"]["containers"]
    (port,) = container["ports"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["CASELOG_PORT"] == str(port["containerPort"])
    assert environment["CASELOG_ENV"] == "production"
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    (service,) = manifests()["Service", "caselog"]["spec"]["ports"]
    assert service["targetPort"] == port["name"]


def test_the_scheduler_is_probed_where_it_answers() -> None:
    (container,) = pods()["caselog-scheduler"]["containers"]
    (port,) = container["ports"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["CASELOG_SCHEDULER_PORT"] == str(port["containerPort"])
    assert environment["CASELOG_SCHEDULER_HOST"] == "0.0.0.0", "a probe comes from outside of the pod"  # noqa: S104
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert pods()["caselog-scheduler"]["terminationGracePeriodSeconds"] > DRAIN_S + CLOSE_S
    service = compose()["services"]["scheduler"]
    port = service["environment"]["CASELOG_SCHEDULER_PORT"]
    assert service["environment"]["CASELOG_SCHEDULER_HOST"] == "0.0.0.0", "who gathers metrics is another container"  # noqa: S104
    assert f"127.0.0.1:{port}/healthz" in service["healthcheck"]["test"][-1]
    assert int(service["stop_grace_period"].rstrip("s")) > DRAIN_S + CLOSE_S


def test_each_login_is_a_key_of_its_own_and_only_migrations_read_the_owners() -> None:
    keys = {
        name: {
            one["name"]: one["valueFrom"]["secretKeyRef"]["key"]
            for one in container["env"]
            if "secretKeyRef" in one.get("valueFrom", {})
        }
        for name, container in containers()
    }
    assert keys == {
        "caselog-api/api": {"CASELOG_DATABASE_URL": "api-url"},
        "caselog-migrate-0-1-0/migrate": {"CASELOG_MIGRATION_URL": "migration-url"},
        "caselog-migrate-0-1-0/policies": {"CASELOG_DATABASE_URL": "api-url"},
        "caselog-scheduler/scheduler": {"CASELOG_DATABASE_URL": "scheduler-url"},
    }
