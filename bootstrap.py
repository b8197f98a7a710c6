"""Makes .venv with what the lock names and this project in it; the standard library is all it needs.

    python3 bootstrap.py          what running needs
    python3 bootstrap.py --dev    what testing and linting need as well

A stamp in .venv says what was installed; when nothing changed, this ends at once.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "caselog-stamp"
OLDEST_PYTHON = (3, 11)
LOCKS = {False: "requirements.lock", True: "requirements-dev.lock"}
INSTALL_TIMEOUT_S = 1200


def main() -> int:
    """Bring .venv to what the lock says; 0 when it is there."""
    parser = argparse.ArgumentParser(description="Make .venv from the lock.")
    parser.add_argument("--dev", action="store_true", help="also what tests and lint need")
    dev: bool = parser.parse_args().dev
    if sys.version_info < OLDEST_PYTHON:
        print(
            f"Caselog needs Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer; {sys.executable} is "
            f"{sys.version.split()[0]}. Name another with: make run PYTHON=python3.11",
            file=sys.stderr,
        )
        return 2
    if is_current(STAMP, ROOT, dev=dev):
        return 0
    try:
        install(dev=dev)
    except subprocess.CalledProcessError as fault:
        print(f"bootstrap: this failed: {' '.join(map(str, fault.cmd))}", file=sys.stderr)
        return 1
    return 0


def is_current(stamp: Path, root: Path, *, dev: bool) -> bool:
    """Say whether the stamp covers what is asked; a dev install covers a plain one."""
    try:
        lines = stamp.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return False
    return fingerprint(root, dev=True) in lines or (not dev and fingerprint(root, dev=False) in lines)


def fingerprint(root: Path, *, dev: bool) -> str:
    """Hash what decides the installation: the lock, the project's own files, this Python and this place."""
    import tomllib  # noqa: PLC0415 - an older Python has none, and is told so in words first

    digest = hashlib.sha256(f"{sys.version_info[:2]} {root}".encode())
    for name in (LOCKS[dev], "setup.py"):
        digest.update((root / name).read_bytes())
    described = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    described.pop("tool", None)  # how ruff or pytest is set installs nothing
    digest.update(repr(described).encode())
    return f"{'dev' if dev else 'run'}:{digest.hexdigest()}"


def install(*, dev: bool) -> None:
    """Two steps, because pip refuses an editable project where hashes are required."""
    lock = ROOT / LOCKS[dev]
    uv = shutil.which("uv")
    print(f"bootstrap: installing {lock.name} into .venv with {'uv' if uv else 'pip'} (once)", file=sys.stderr)
    STAMP.unlink(missing_ok=True)
    python = VENV / "bin" / "python"
    if not _works(python):
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV] if uv else _venv_command())
    if uv:
        pip: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", lock])
    _run([*pip, "--no-deps", "--no-build-isolation", "-e", ROOT])
    STAMP.write_text(fingerprint(ROOT, dev=dev) + "\n", encoding="utf-8")


def _works(python: Path) -> bool:
    """A half-made .venv, or one whose Python was removed or replaced, is made anew."""
    if not python.exists():
        return False
    check = (
        "import sys, pip; print(sys.version_info[:2])"
        if not shutil.which("uv")
        else "import sys; print(sys.version_info[:2])"
    )
    done = subprocess.run([python, "-c", check], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() == str(sys.version_info[:2])


def _venv_command() -> list[str | Path]:
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian ships it apart, and venv says so late and badly
    except ImportError:
        print("bootstrap: this Python has no ensurepip; on Debian: apt-get install python3-venv", file=sys.stderr)
        raise SystemExit(2) from None
    return [sys.executable, "-m", "venv", "--clear", VENV]


def _run(command: list[str | Path]) -> None:
    # PYTHONPATH and the like of the caller must not decide what is installed.
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
    subprocess.run(command, check=True, env=env, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=INSTALL_TIMEOUT_S)


if __name__ == "__main__":
    raise SystemExit(main())
