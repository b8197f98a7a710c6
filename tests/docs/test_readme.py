"""The README's lines do what it says they do."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caselog_client import Caselog
from tests.serving import Serving, free_port

README = Path(__file__).resolve().parents[2] / "README.md"
RUN_S = 60


def test_its_first_two_commands_run_and_test() -> None:
    commands = [line.split("#")[0].strip() for line in README.read_text(encoding="utf-8").splitlines()[1:5]]
    assert [command for command in commands if command] == ["make run", "make test"]


def test_its_dispute_prints_what_it_says(caselog_shipped: Serving) -> None:
    (script,) = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    said = re.findall(r"# prints (\S+)", script)
    assert len(said) >= 6
    assert "http://127.0.0.1:8080" in script
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8080", caselog_shipped.url)],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *printed, story = done.stdout.splitlines()
    assert printed == said
    assert story.startswith("The platform ruled")


def test_its_python_prints_what_it_says_and_its_receiver_hears_of_it(caselog_shipped: Serving) -> None:
    dispute, receiver = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    said = re.findall(r"# prints (.+)", dispute)
    assert len(said) >= 4
    heard = ["webhook_test 0", "filed 1", "merchant_replied 2", "settled 3", "remedied 4", "closed 5"]
    assert "; prints webhook_test 0, and of the dispute above filed 1, merchant_replied 2, …" in receiver
    port = free_port()
    with running(receiver.replace("8090", str(port)), caselog_shipped) as receiving:
        assert heard_by(receiving, 1) == heard[:1], "it is there before anything happens"
        with running(dispute, caselog_shipped) as disputing:
            printed, fault = disputing.communicate(timeout=RUN_S)
        assert disputing.returncode == 0, fault
        assert printed.splitlines() == said
        assert heard_by(receiving, len(heard) - 1) == heard[1:]
        receiving.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in receiving.communicate(timeout=RUN_S)[1], "it had gone on until then"
    with Caselog(caselog_shipped.url, "dev-storefront") as storefront:
        (left,) = (hook for hook in storefront.webhooks.list() if f":{port}/" in hook.url)
        storefront.webhooks.delete(left.id)


@contextmanager
def running(script: str, shipped: Serving) -> Iterator[subprocess.Popen[str]]:
    """The script in a process of its own, as in a terminal, until the block ends."""
    assert "http://127.0.0.1:8080" in script
    command = [sys.executable, "-c", script.replace("http://127.0.0.1:8080", shipped.url)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        giving_up = threading.Timer(RUN_S, process.kill)
        giving_up.start()
        try:
            yield process
        finally:
            giving_up.cancel()
            process.kill()


def heard_by(process: subprocess.Popen[str], count: int) -> list[str]:
    """So many lines, as they come; fewer when it is killed before."""
    assert process.stdout is not None
    return [line.rstrip("\n") for line in itertools.islice(process.stdout, count)]


def test_every_place_it_names_exists() -> None:
    for page in (README, *README.parent.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} → {target}"
