"""Who may look into the data folder, what is written there once, and whose database is not found again by surprise."""

import os
import stat
from pathlib import Path

import pytest

from case_api.cli import premises
from case_api.cli.premises import CannotStart
from case_api.cli.secrets import master_key_file, write_once


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("user", "allowed"), [(0, 0o711), (1000, 0o700)])
def test_a_folder_that_is_made_is_looked_into_by_nobody_else_and_one_that_was_there_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, allowed: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    (there := tmp_path / "there").mkdir()
    there.chmod(0o755)
    for folder, wanted in ((tmp_path / "made", allowed), (there, 0o755)):
        premises.make_folder(folder)
        assert mode(folder) == wanted
    (file := tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="is not a folder"):
        premises.make_folder(file)


def test_a_secret_is_written_once_and_for_nobody_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    for text in ("first", "second"):
        write_once(secret, text)
    assert (secret.read_text(), mode(secret)) == ("first\n", 0o600)
    assert list(tmp_path.iterdir()) == [secret], "no draft is left over"
    key, made = master_key_file(tmp_path)
    assert (made, master_key_file(tmp_path)) == (True, (key, False))


def test_the_database_of_a_data_folder_that_was_deleted_is_not_found_by_the_next_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What root keeps behind a closed folder lies elsewhere, under a name that the folder's path gives."""
    monkeypatch.setattr(premises, "ROOT_PLACE", tmp_path / "var")
    data = tmp_path / "closed" / "data"
    data.mkdir(parents=True)
    data.parent.chmod(0o700)
    first = premises._home_for_root(data)
    (first / "passwords.json").touch()
    assert premises._home_for_root(data) == first
    (data / "postgres").unlink()
    again = premises._home_for_root(data)
    assert (again, list(again.iterdir())) == (first, [])
    (left,) = (one for one in (tmp_path / "var").iterdir() if one != again)
    assert (left / "passwords.json").exists(), "and nothing is deleted"
