"""What the evidence store does at moments no request can choose: a crash, a deletion under way, a file that went."""

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from case_api.evidence.store import EvidenceFile, EvidenceStore, open_store
from case_api.refusals.problems import Refused

CASE = UUID(int=7)
CONTENT = b"\x89PNG" + bytes(range(256))
FILE = EvidenceFile(sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT), media_type="image/png")
BEFORE = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return open_store(None, tmp_path / "evidence", bytes_max=1_000, media_types=("image/png",))


async def kept(store: EvidenceStore, folder: Path) -> Path:
    """The file put away, and where it lies."""
    await store.keep(CASE, FILE, io.BytesIO(CONTENT))
    return folder / "evidence" / f"{CASE}" / FILE.sha256 / "image" / "png"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="where nothing says which file a number is")
async def test_what_was_put_away_is_on_the_disk_with_every_folder_that_names_it(
    store: EvidenceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed, flush = list[Path](), os.fsync

    def fsync(fd: int) -> None:
        flush(fd)
        flushed.append(Path(f"/proc/self/fd/{fd}").readlink())

    monkeypatch.setattr(os, "fsync", fsync)
    path = await kept(store, tmp_path)
    assert flushed == [path, *path.parents][:5], "from the file up to the store's own folder"


async def test_what_is_put_away_again_while_old_files_are_deleted_stays(store: EvidenceStore, tmp_path: Path) -> None:
    path = await kept(store, tmp_path)
    os.utime(path, (0, 0))
    (old,) = [one async for page in store.older_than(BEFORE) for files in page.values() for one in files]
    await kept(store, tmp_path)
    await store.delete_older([old.path], BEFORE)
    assert path.read_bytes() == CONTENT
    os.utime(path, (0, 0))
    await store.delete_older([old.path, old.path], BEFORE)
    assert not path.exists()


async def test_a_file_that_goes_between_two_looks_is_asked_for_again(store: EvidenceStore, tmp_path: Path) -> None:
    path = await kept(store, tmp_path)
    found = await store.find(CASE, FILE.sha256)
    assert found == FILE
    path.unlink()
    with pytest.raises(Refused) as away:
        await store.content(CASE, found)
    assert away.value.problem.code == "store_unavailable"


async def test_of_two_types_of_the_same_bytes_the_first_stays(store: EvidenceStore, tmp_path: Path) -> None:
    path = await kept(store, tmp_path)
    later = path.with_name("webp")
    later.write_bytes(CONTENT)
    os.utime(path, (1, 1))
    found = await store.find(CASE, FILE.sha256)
    assert found is not None
    assert found.media_type == "image/png"
