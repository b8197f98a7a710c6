"""The README's lines do what it says they do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.serving import Serving

README = Path(__file__).resolve().parents[2] / "README.md"
RUN_S = 60


def test_its_first_two_commands_run_and_test() -> None:
    commands = [line.split("#")[0].strip() for line in README.read_text(encoding="utf-8").splitlines()[1:5]]
    assert [command for command in commands if command] == ["make run", "make test"]


def test_its_dispute_prints_what_it_says(caselog: Serving) -> None:
    (script,) = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    said = re.findall(r"# prints (\S+)", script)
    assert len(said) >= 6
    assert "http://127.0.0.1:8080" in script
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8080", caselog.url)],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *printed, story = done.stdout.splitlines()
    assert printed == said
    assert story.startswith("The platform ruled")


def test_its_python_prints_what_it_says(caselog: Serving) -> None:
    (script,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    said = re.findall(r"# prints (.+)", script)
    assert len(said) >= 4
    assert "http://127.0.0.1:8080" in script
    done = subprocess.run(
        [sys.executable, "-c", script.replace("http://127.0.0.1:8080", caselog.url)],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == said


def test_every_place_it_names_exists() -> None:
    for page in (README, *README.parent.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} → {target}"
