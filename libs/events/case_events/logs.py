"""How every process of ours writes its log lines: for people on a console, or one JSON object a line."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import re
import select
import stat
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, BinaryIO, Literal

import msgspec
import structlog

REQUEST = "request"
"""The event of the line that every request has: the only one that may wait for others before it is written."""
TOGETHER_S = 0.2
"""How long such a line may wait; who is killed meanwhile loses it."""
TOGETHER_BYTES = 32_768
PIECE_BYTES = 4_096
"""What a pipe that takes anything takes at once (PIPE_BUF)."""
LEFT_MAX = 1_000_000
"""Bytes that wait for who reads our lines; what is more is lost, and counted."""
EVENT_WIDTH = 30
_QUERY = re.compile(r"\?\S+")

ABOUT: ContextVar[dict[str, Any] | None] = ContextVar("about", default=None)
"""What every line written on behalf of one request says: its trace, its key, its case."""


Line = MutableMapping[str, Any]
Rendered = tuple[tuple[bytes], dict[str, bool]]
_write_request: Callable[[Line], None] | None = None
_lines: _Lines | None = None


def configure(form: Literal["console", "json"]) -> None:
    """Call once, before the first line is logged. Lines never carry a party's id or text."""
    global _write_request, _lines  # noqa: PLW0603 - one process, one place where lines go
    _lines = out = _Lines(sys.stdout.buffer)
    render = _as_json if form == "json" else _for_people
    structlog.configure(
        processors=[
            _about_the_request,
            structlog.processors.add_log_level,
            _stamped,
            _with_its_fault,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=out,
        cache_logger_on_first_use=True,
    )
    for name in ("apscheduler", "asyncio", "opentelemetry"):
        listen_to(name, logging.WARNING)

    def write(line: Line) -> None:
        (rendered,), said = render(None, "info", _stamped(None, "info", line))
        out.msg(rendered, **said)

    _write_request = write


def listen_to(library: str, level: int) -> None:
    """From now on what a library has to say, from this level on, is written as our own lines are."""
    theirs = logging.getLogger(library)
    theirs.handlers, theirs.propagate = [_Foreign(level)], False
    theirs.setLevel(level)


def request(**said: Any) -> None:
    """The line of a request: as ``log.info`` would write it, without what that spends on finding out how."""
    about = ABOUT.get() or {}
    if _write_request is None:
        structlog.get_logger().info(REQUEST, **about, **said)
    else:
        _write_request({"event": REQUEST, "level": "info", **about, **said})


def why(fault: BaseException) -> str:
    """What kind of fault, and the first line of its message, without what a URL in it asks with: it may be signed."""
    first = _QUERY.sub("?…", str(fault).partition("\n")[0])
    return f"{type(fault).__name__}{f': {first}' if first else ''}"


def flush() -> None:
    """Write what waits: called as a process ends, which a signal may do without another word."""
    if _lines is not None:
        _lines.flush()


class _Foreign(logging.Handler):
    """What a library has to say, written as our own lines are: of a fault its kind and where, as watch.py tells it."""

    def emit(self, record: logging.LogRecord) -> None:
        said: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1]:
            fault = record.exc_info[1]
            said |= {"fault": type(fault).__name__, "frames": traceback.format_tb(fault.__traceback__)}
        structlog.get_logger().log(record.levelno, record.getMessage().partition("\n")[0], **said)


class _Lines:
    """Where lines go: at once, with all that wait; those of requests together, a write for many of them."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._due: asyncio.TimerHandle | None = None
        self._left, self._lost = bytearray(), 0
        self._stalls = _may_stall(out)
        atexit.register(self.flush)

    def __call__(self, *_: object) -> _Lines:
        return self

    def msg(self, line: bytes, *, soon: bool) -> None:
        self._waiting.append(line)
        self._bytes += len(line)
        if not soon or self._bytes >= TOGETHER_BYTES or not self._will_be_written():
            self.flush()

    log = debug = info = warning = warn = error = critical = fatal = exception = failure = err = msg

    def _will_be_written(self) -> bool:
        if self._due is None:
            try:
                self._due = asyncio.get_running_loop().call_later(TOGETHER_S, self.flush)
            except RuntimeError:  # nothing runs here that would come back to it
                return False
        return True

    def flush(self) -> None:
        due, self._due = self._due, None
        if due is not None:
            due.cancel()
        lines, self._waiting, self._bytes = self._waiting, [], 0
        self._left += b"".join(lines)
        # Nobody reads any more, or the disk is full: a line is no reason to fail.
        with suppress(OSError):
            self._write()
        if len(self._left) > LEFT_MAX:
            self._lose()
        if self._left:
            self._will_be_written()

    def _write(self) -> None:
        """All that is left, or of it as much as is taken now: who reads a pipe may have stopped, and nobody waits."""
        if self._out.closed:
            self._left.clear()
        while self._left and (not self._stalls or _takes(self._out)):
            end = PIECE_BYTES if self._stalls else len(self._left)
            piece = bytes(self._left[:end])
            del self._left[:end]
            self._out.write(piece)
            self._out.flush()
        if not self._left and self._lost:
            lost, self._lost = self._lost, 0
            structlog.get_logger().warning("log_lines_lost", lines=lost)

    def _lose(self) -> None:
        """All that nobody took, but the end of a line that was begun."""
        begun = self._left.index(b"\n") + 1
        self._lost += self._left.count(b"\n", begun)
        del self._left[begun:]


def _may_stall(out: BinaryIO) -> bool:
    """A pipe, a socket or a terminal may be read by nobody; a file, and what is nothing of the system's, takes all."""
    try:
        return not stat.S_ISREG(os.fstat(out.fileno()).st_mode)
    except OSError:
        return False


def _takes(out: BinaryIO) -> bool:
    """Would a piece be taken now, without waiting?"""
    ready = select.poll()
    ready.register(out, select.POLLOUT)
    return bool(ready.poll(0))


def _about_the_request(_: object, __: str, line: Line) -> Line:
    about = ABOUT.get()
    return line if about is None else {**about, **line}


def _with_its_fault(_: object, __: str, line: Line) -> Line:
    said = line.pop("exc_info", None)
    fault = sys.exc_info()[1] if said is True else said
    if isinstance(fault, BaseException):
        line["exception"] = _behind(fault)
    return line


def _behind(fault: BaseException) -> str:
    """A fault, behind what it came from: where, its kind, and the first line of why.

    What Postgres says below that line quotes the row it refused.
    """
    chain = list[BaseException]()
    before: BaseException | None = fault
    while before is not None and before not in chain:
        chain.append(before)
        before = before.__cause__ or (None if before.__suppress_context__ else before.__context__)
    return "\n\n".join(map(_one, reversed(chain)))


def _one(fault: BaseException) -> str:
    return "".join((*traceback.format_tb(fault.__traceback__), why(fault)))


def _stamped(_: object, __: str, line: Line) -> Line:
    second, ns = divmod(time.time_ns(), 1_000_000_000)
    line["timestamp"] = f"{_to_the_second(second)}.{ns // 1000:06d}Z"
    return line


@lru_cache(maxsize=2)
def _to_the_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


_encode = msgspec.json.Encoder(enc_hook=repr).encode


def _as_json(_: object, __: str, line: Line) -> Rendered:
    return (_encode(line) + b"\n",), {"soon": line["event"] == REQUEST}


def _for_people(_: object, __: str, line: Line) -> Rendered:
    soon = line["event"] == REQUEST
    trace = line.pop("exception", None)
    head = f"{line.pop('timestamp')} [{line.pop('level'):<8}] {line.pop('event'):<{EVENT_WIDTH}}"
    said = " ".join([head, *(f"{name}={_word(value)}" for name, value in line.items())]).rstrip()
    return ((f"{said}\n{trace}\n" if trace else f"{said}\n").encode("utf-8", "backslashreplace"),), {"soon": soon}


def _word(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and " " not in value and value:
        return value
    return repr(value)
