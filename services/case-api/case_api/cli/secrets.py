"""Secrets in the data folder: written once, whole, and readable by nobody else."""

import base64
import os
import secrets
import tempfile
from pathlib import Path

from case_api.cli.premises import CannotStart

MASTER_KEY_BYTES = 32


def master_key_file(data_dir: Path) -> tuple[Path, bool]:
    """The master key of the embedded default, and whether it was made just now."""
    path = data_dir.resolve() / "master.key"
    if path.exists():
        return path, False
    if (data_dir / "postgres" / "data").exists():
        raise CannotStart(
            f"{path} is missing, and what people wrote in the database beside it is sealed with it; put it back, "
            "or name it in CASELOG_MASTER_KEY_FILE"
        )
    write_once(path, base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)).decode())
    return path, True


def write_once(path: Path, text: str) -> None:
    """Write the file unless another was first; after a crash it is there whole or not at all."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600 from its first byte
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
