"""`caselog feed`: every event of every case, in the order of the feed, and then each as it comes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from case_api.cli import words
from case_api.cli.outcomes import Denied, Misused, Silence
from case_api.cli.printing import AsJson, json_line, lines, refused

PAGE = 1_000
AGAIN_S = 2.0
SILENT_S_MAX = 60.0
"""A service that is away for longer is given up."""
NOW = "now"


def feed(
    after: Annotated[str, typer.Option(help="Go on after this position; now: only what is still to come.")] = "0",
    types: Annotated[str | None, typer.Option(help="Only these types, with commas between them.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on for ever with what comes.")] = False,
    json_wanted: AsJson = False,
) -> None:
    """Print every event in the order of the feed; with --json one CloudEvent a line."""
    if after != NOW and not (after.isascii() and after.isdigit()):
        raise Misused("--after is a position, or now")
    position, seen = after, None
    for items, position in _pages(after, types):  # noqa: B007 - it is where the stream goes on
        for item in items:
            _tell(item, json_wanted)
            seen = _seen(item)
    if follow:
        for item in _coming(position, types, seen):
            _tell(item, json_wanted)


def _seen(item: dict[str, Any]) -> str:
    """What tells the feed that this event was read, so that it can say whether it is still there."""
    return f"{item['position']}.{item['hash']}"


def _tell(item: dict[str, Any], json_wanted: bool) -> None:
    if json_wanted:
        json_line(item)
    else:
        event = item["data"]
        at = words.instant(event["effective_at"])
        lines(f"{item['position']}  {at}  {item['subject']} v{event['version']}  {event['type']} by {event['who']}")
    sys.stdout.flush()


def _pages(after: str, types: str | None) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """Page by page to the end of the feed, each with the position to go on after."""
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    while True:
        page = wire.get("/v1/events", after=after, types=types, limit=PAGE).body
        yield page["items"], str(page["next"])
        if str(page["next"]) == after:
            return
        after = str(page["next"])


def _coming(position: str, types: str | None, seen: str | None) -> Iterator[dict[str, Any]]:
    """What comes after the position, without end; a line that was lost is taken up where it was."""
    from case_api.cli import wire  # noqa: PLC0415 - `caselog --help` answers sooner without

    heard_at = time.monotonic()
    while True:
        left = b""
        try:
            for piece in wire.stream("/v1/events/stream", after=position, types=types, seen=seen):
                heard_at = time.monotonic()
                *blocks, left = (left + piece).split(b"\n\n")
                for fields in map(_fields, blocks):
                    position = fields.get("id", position)
                    if "data" in fields:
                        item = json.loads(fields["data"])
                        seen = _seen(item)
                        yield item
        except (Silence, Denied) as reason:
            gone = isinstance(reason, Denied) and not reason.busy
            if gone or time.monotonic() - heard_at > SILENT_S_MAX:
                raise
            refused(f"{reason}; trying again")
        time.sleep(AGAIN_S)


def _fields(block: bytes) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
