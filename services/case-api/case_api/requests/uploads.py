"""Files on their way in: a multipart body parsed, hashed and bounded as it comes, or refused with what is wrong."""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any, Literal

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from case_api.evidence.store import EvidenceFile
from case_api.refusals.problems import Refused, invalid
from case_api.requests import bodies
from case_events.core.values import Fault, Problem

BESIDE_MAX = 20_000
"""Bytes a body may have beside the file: boundaries, the parts' headers, two short fields."""
IN_MEMORY_MAX = 1 << 20
"""Bytes of a file held in memory; a larger one waits in an unnamed temporary file that ends with its process."""
PARTS_MAX = 100
"""Parts of a form that are read: three are meant, and some more are told that they are not."""
FIELD_MAX = 64
VISIBILITIES = ("both", "platform")
KINDS = {"image": "photo", "video": "video"}
"""What a file is when its sender does not say, where that is plain."""
UPLOAD_SCHEMA: dict[str, Any] = {
    "title": "Upload",
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "minLength": 1, "description": "The file, with its type."},
        "kind": {
            "type": "string",
            "pattern": "^[a-z0-9_]{1,64}$",
            "description": "The kind of evidence; may be left out for a picture (photo) and a video.",
        },
        "visibility": {"enum": list(VISIBILITIES), "default": "both"},
    },
    "additionalProperties": False,
}
_KIND = re.compile(r"[a-z0-9_]{1,64}")


class Upload:
    """What has arrived so far; whole, and checked, when ``received`` hands it out."""

    def __init__(self, content: IO[bytes], size_max: int, media_types: tuple[str, ...]) -> None:
        self.content = content
        self.ended = False
        self._size_max, self._media_types = size_max, media_types
        self._digest, self._size, self._media_type = hashlib.sha256(), 0, ""
        self._fields: dict[str, bytearray] = {}
        self._faults: list[Fault] = []
        self._name, self._skip, self._parts = "", False, 0
        self._header, self._headers = [bytearray(), bytearray()], dict[bytes, bytes]()

    def callbacks(self) -> Any:
        """What the parser calls; each may refuse."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._take,
            "on_end": self._end,
        }

    def file(self) -> EvidenceFile:
        """The file that came."""
        return EvidenceFile(sha256=self._digest.hexdigest(), size=self._size, media_type=self._media_type)

    def kind(self) -> str:
        """The kind of evidence it is."""
        said = self._fields.get("kind")
        return said.decode() if said is not None else KINDS[self._media_type.split("/")[0]]

    def visibility(self) -> Literal["both", "platform"]:
        """Who is to see it."""
        said = self._fields.get("visibility")
        return "platform" if said is not None and said.decode() == "platform" else "both"

    def check(self) -> None:
        """Refuse, with everything that is wrong with it."""
        if "file" not in self._fields:
            self._fault("file", "missing")
        elif not self._size:
            self._fault("file", "is empty")
        kind, visibility = self._fields.get("kind"), self._fields.get("visibility")
        if kind is None and self._size and self._media_type.split("/")[0] not in KINDS:
            self._fault("kind", f"missing: say what a file of the type {self._media_type} shows")
        if kind is not None and not _KIND.fullmatch(kind.decode("latin-1")):
            self._fault("kind", "one lower_snake word of at most 64 characters")
        if visibility is not None and visibility.decode("latin-1") not in VISIBILITIES:
            self._fault("visibility", f"one of {', '.join(VISIBILITIES)}")
        if self._faults:
            raise Refused(invalid(*self._faults))

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise malformed(f"A form has at most {PARTS_MAX} parts.")
        self._headers.clear()

    def _end_header(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = [bytearray(), bytearray()]

    def _begin_content(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise malformed("A part of the form has no name.")
        self._name = options[b"name"].decode("utf-8", "replace")
        self._skip = True
        if self._name not in ("file", "kind", "visibility"):
            self._fault(self._name[:FIELD_MAX], "no such field; the fields here: file, kind, visibility")
        elif self._name in self._fields:
            self._fault(self._name, "said more than once")
        else:
            self._fields[self._name], self._skip = bytearray(), False
        if self._name == "file" and not self._skip:
            media_type = self._headers.get(b"content-type", b"application/octet-stream").decode("latin-1")
            self._media_type = media_type.partition(";")[0].strip().lower()
            if self._media_type not in self._media_types:
                raise unsupported(f"Send a file of one of these types: {', '.join(self._media_types)}.")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._skip:
            return
        if self._name != "file":
            room = FIELD_MAX + 1 - len(self._fields[self._name])  # one more than may be said is enough to refuse it
            self._fields[self._name] += data[start : min(end, start + room)]
            return
        self._size += end - start
        if self._size > self._size_max:
            raise too_large(self._size_max)
        piece = data[start:end]
        self._digest.update(piece)
        self.content.write(piece)

    def _end(self) -> None:
        self.ended = True

    def _fault(self, name: str, detail: str) -> None:
        steps = name.replace("~", "~0").replace("/", "~1")
        self._faults.append(Fault(pointer=f"/{steps}", detail=detail))


@asynccontextmanager
async def received(request: Request, size_max: int, media_types: tuple[str, ...]) -> AsyncIterator[Upload]:
    """The upload in the body; it is gone when the block is left."""
    label, options = parse_options_header(request.headers.get("content-type", ""))
    plain = request.headers.get("content-encoding", "identity").strip().lower() == "identity"
    if label != b"multipart/form-data" or not options.get(b"boundary") or not plain:
        raise unsupported("Send multipart/form-data with a boundary, not compressed.")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > size_max + BESIDE_MAX:
        raise too_large(size_max)
    with tempfile.SpooledTemporaryFile(IN_MEMORY_MAX) as content:
        upload = Upload(content, size_max, media_types)
        try:
            async with asyncio.timeout(bodies.BODY_WAIT_S):
                await _parse(request, MultipartParser(options[b"boundary"], upload.callbacks()), size_max + BESIDE_MAX)
        except FormParserError:
            raise malformed("The body is not multipart/form-data (RFC 7578).") from None
        except TimeoutError:
            detail = f"The body did not arrive within {bodies.BODY_WAIT_S} s."
            raise Refused(Problem(code="request_timeout", detail=detail)) from None
        except OSError as fault:  # not the database's, which nobody has asked yet
            detail = "There is no room here for a file on its way; send it again in a moment."
            raise Refused(Problem(code="store_unavailable", detail=detail)) from fault
        if not upload.ended:
            raise malformed("The body ends before its last boundary.")
        upload.check()
        yield upload


async def _parse(request: Request, parser: MultipartParser, body_max: int) -> None:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > body_max:
            raise too_large(body_max - BESIDE_MAX)
        parser.write(chunk)


def malformed(detail: str) -> Refused:
    return Refused(Problem(code="malformed", detail=detail))


def unsupported(detail: str) -> Refused:
    return Refused(Problem(code="unsupported_media_type", detail=detail))


def too_large(size_max: int) -> Refused:
    return Refused(Problem(code="too_large", detail=f"A file has at most {size_max} bytes."))
