"""What is built is whole: whatever a package reads beside its code goes along with it."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import setuptools  # type: ignore[import-untyped]  # it comes with none

ROOT = Path(__file__).resolve().parent.parent


def test_every_file_beside_the_code_is_part_of_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: said.update(arguments))
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    taken, there = set[Path](), set[Path]()
    for package in said["packages"]:
        top, _, rest = package.partition(".")
        folder = ROOT / said["package_dir"][top] / rest.replace(".", "/")
        patterns = said["package_data"][""] + said["package_data"].get(package, [])
        taken |= {path for pattern in patterns for path in folder.glob(pattern)} | set(folder.glob("*.py"))
        there |= {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert there - taken == set()
