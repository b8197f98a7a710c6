"""The evidence store: files under their case, addressed by their digest, in a local folder or an object store by URL.

A file lies at ``<case>/<sha256>/<media type>``: under the case, so that a digest opens nothing in another one, and
with its type in the name, because a folder keeps no attributes. It appears whole or not at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Container, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from msgspec.structs import replace
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url
from starlette.requests import Request

from case_api.refusals.problems import Refused
from case_api.settings import Settings
from case_events.core.values import Evidence, Problem, Sha256, Value

if TYPE_CHECKING:
    from obstore.store import RetryConfig

_PLACE = re.compile(r"(?P<case>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})/(?P<sha256>[0-9a-f]{64})/[^/]+/[^/]+")
PAGE = 1_000
"""Files that are listed together."""
CHUNK = 1 << 18
"""Bytes read at a time, from the upload and from the store."""
PART = 8 << 20
"""Bytes of one part of a multipart put; a smaller file is put at once."""
SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "file")
TRIES_S = 20
"""How long an object store is tried again before the caller is told to come back."""


class Altered(Exception):
    """The file, named by its case and digest, has another digest than when it was put away."""


class EvidenceFile(Value, frozen=True, kw_only=True):
    """A file that is in the store, whole."""

    sha256: Sha256
    size: int
    media_type: str


class StoredFile(Value, frozen=True, kw_only=True):
    """A file as the store lists it, at its ``path`` there; ``size`` in bytes."""

    path: str
    sha256: Sha256
    size: int


class StoredEvidence(Value, frozen=True, kw_only=True):
    """A file that was put away: ``evidence`` goes as it is into what is posted or appealed with."""

    evidence: Evidence
    size: int
    media_type: str


class EvidenceStore:
    """Where evidence files are. Every method refuses with ``store_unavailable`` while the store is away."""

    def __init__(
        self, store: ObjectStore | None, folder: Path, *, bytes_max: int, media_types: tuple[str, ...]
    ) -> None:
        self.bytes_max = bytes_max
        self.media_types = media_types
        self._given = store
        self._folder = folder
        self._local: LocalStore | None = None

    async def keep(self, case_id: UUID, file: EvidenceFile, content: IO[bytes]) -> EvidenceFile:
        """Put ``content`` away under this case; the same file again takes the place, and the type, of what is there.

        It is written anew, so that it is as young as this upload, and whole whatever somebody did to it.
        """
        there = await self.find(case_id, file.sha256)
        if there is not None:
            file = replace(file, media_type=there.media_type)
        place = f"{_place(case_id, file.sha256)}/{file.media_type}"
        try:
            content.seek(0)
            await obstore.put_async(
                self._store(), place, _chunks(content), use_multipart=file.size > PART, chunk_size=PART
            )
            if self._given is None:
                await asyncio.to_thread(_to_disk, self._folder, place)
        except (BaseError, OSError) as fault:
            raise _away() from fault
        return file

    async def find(self, case_id: UUID, sha256: str) -> EvidenceFile | None:
        """The file with this digest under this case, if it was ever kept."""
        place = _place(case_id, sha256)
        if self._given is None and not self._folder.exists():
            return None
        try:
            found = await obstore.list(self._store(), place).collect_async()
        except (BaseError, OSError) as fault:
            raise _away() from fault
        # Two uploads at the same moment may have named two types; the bytes are the same, and the first one stays.
        first = min(found, key=lambda one: (one["last_modified"], one["path"]), default=None)
        if first is None:
            return None
        media_type = first["path"].removeprefix(f"{place}/")
        return EvidenceFile(sha256=sha256, size=first["size"], media_type=media_type)

    async def content(self, case_id: UUID, file: EvidenceFile) -> AsyncIterator[bytes]:
        """The file's bytes, as they come; it is open when this returns.

        The last of them come only once the whole has its digest: what somebody altered is never given whole. Raises
        Altered, at once for a file of up to ``CHUNK`` bytes.
        """
        try:
            got = await obstore.get_async(self._store(), f"{_place(case_id, file.sha256)}/{file.media_type}")
        except (BaseError, OSError) as fault:
            raise _away() from fault
        chunks = _verified(got, case_id, file.sha256)
        try:
            first = await anext(chunks, b"")
        except (BaseError, OSError) as fault:
            raise _away() from fault
        return _chained(first, chunks)

    async def older_than(self, before: datetime) -> AsyncIterator[dict[UUID, list[StoredFile]]]:
        """All files that were put away before this instant, by their cases; a page of the store at a time."""
        if self._given is None and not self._folder.exists():
            return
        try:
            async for page in obstore.list(self._store(), chunk_size=PAGE):
                found = defaultdict[UUID, list[StoredFile]](list)
                for one in page:
                    place = _PLACE.fullmatch(one["path"])
                    if place and one["last_modified"] < before:
                        file = StoredFile(path=one["path"], sha256=place["sha256"], size=one["size"])
                        found[UUID(place["case"])].append(file)
                yield found
        except (BaseError, OSError) as fault:
            raise _away() from fault

    async def halves_older_than(self, before: datetime) -> list[tuple[Path, int]]:
        """What uploads that never ended left in the folder before this instant, with its bytes; no list shows it.

        An object store has a rule of its own for these.
        """
        if self._given is not None:
            return []
        return await asyncio.to_thread(_halves, self._folder, before)

    async def delete_older(self, paths: Iterable[str], before: datetime) -> None:
        """Delete what lies at these paths, but for what was put away again meanwhile."""
        try:
            for path in paths:
                with suppress(FileNotFoundError):
                    if (await obstore.head_async(self._store(), path))["last_modified"] < before:
                        await obstore.delete_async(self._store(), path)
        except (BaseError, OSError) as fault:
            raise _away() from fault

    async def clear(self, case_id: UUID, kept: Container[str]) -> None:
        """Delete the files under this case but those with the digests that are ``kept``; and what a kill left."""
        if self._given is None and not self._folder.exists():
            return
        try:
            found = await obstore.list(self._store(), f"{case_id}").collect_async()
            for one in found:
                if one["path"].split("/")[1] not in kept:
                    with suppress(FileNotFoundError):  # somebody else clears at the same time
                        await obstore.delete_async(self._store(), one["path"])
            if self._given is None:
                await asyncio.to_thread(_remove_halves, self._folder / f"{case_id}")
        except (BaseError, OSError) as fault:
            raise _away() from fault

    def _store(self) -> ObjectStore:
        """An API that is sent no files needs no folder, so it is made for the first one."""
        if self._given is not None:
            return self._given
        if self._local is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._local = LocalStore(self._folder)
        return self._local


def open_store(url: str | None, folder: Path, *, bytes_max: int, media_types: tuple[str, ...]) -> EvidenceStore:
    """The store ``url`` names, with what its provider's own variables say (AWS_ENDPOINT_URL …); none: ``folder``."""
    scheme = "file" if url is None else urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise SystemExit(f"CASELOG_EVIDENCE_URL starts with one of {', '.join(f'{one}://' for one in SCHEMES)}")
    store = None
    if url is not None and scheme == "file":
        folder = Path(unquote(urlsplit(url).path))
    elif url is not None:
        # The client's own limits stay (5 s to connect, 30 s to answer): to say others would drop AWS_ALLOW_HTTP.
        retry: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=TRIES_S)}
        try:
            store = from_url(url, retry_config=retry)
        except (BaseError, ValueError) as fault:
            # Without its message, which may quote what a variable holds.
            raise SystemExit(f"CASELOG_EVIDENCE_URL cannot be used: {type(fault).__name__}") from None
    return EvidenceStore(store, folder.absolute(), bytes_max=bytes_max, media_types=media_types)


def uri_of(case_id: UUID, sha256: Sha256) -> str:
    """Where the API gives this file; evidence that names it otherwise names one that lies elsewhere."""
    return f"/v1/cases/{case_id}/evidence/{sha256}"


def configured(settings: Settings) -> EvidenceStore:
    """The store that the settings name. Raises SystemExit where its URL cannot be used."""
    return open_store(
        settings.evidence_url,
        settings.data_dir / "evidence",
        bytes_max=settings.evidence_bytes_max,
        media_types=settings.evidence_media_types,
    )


def store_of(request: Request) -> EvidenceStore:
    """The store of the app this request came to."""
    store: EvidenceStore = request.app.state.evidence
    return store


def _place(case_id: UUID, sha256: str) -> str:
    return f"{case_id}/{sha256}"


async def _chunks(content: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := content.read(CHUNK):
        yield chunk


async def _verified(got: obstore.GetResult, case_id: UUID, sha256: str) -> AsyncIterator[bytes]:
    hashed, held = hashlib.sha256(), b""
    async for chunk in got.stream(min_chunk_size=CHUNK):
        if held:
            yield held
        held = bytes(chunk)
        hashed.update(held)
    if hashed.hexdigest() != sha256:
        raise Altered(_place(case_id, sha256))
    if held:
        yield held


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


def _to_disk(folder: Path, place: str) -> None:
    """What is acknowledged survives the machine's own end: the file, and each folder that names it."""
    path = folder / place
    for one in (path, *path.parents):
        fd = os.open(one, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        if one == folder:
            break


def _halves(folder: Path, before: datetime | None = None) -> list[tuple[Path, int]]:
    """What was not finished, with its bytes: the folder's own store does not list it. An upload may end meanwhile."""
    found = []
    for path in folder.rglob("*#*"):
        with suppress(FileNotFoundError):
            stat = path.stat()
            if before is None or stat.st_mtime < before.timestamp():
                found.append((path, stat.st_size))
    return found


def _remove_halves(folder: Path) -> None:
    for path, _ in _halves(folder):
        path.unlink(missing_ok=True)


def _away() -> Refused:
    return Refused(Problem(code="store_unavailable", detail="The evidence store is away; send it again in a moment."))
