"""`caselog calendar` as an operator types it, beside a database that no service runs on."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from case_events.core.values import Instant
from case_events.ledger import policy_book
from case_events.ledger.database import open_ledger
from tests import examples
from tests.commands import Ended, typed
from tests.conftest import Database
from tests.ledger.desk import MASTER_KEY, Desk, a_filing
from tests.notices import notice

Types = Callable[..., Ended]


@pytest.fixture
def types(database: Database, tmp_path: Path) -> Types:
    """Someone at a terminal."""
    file = tmp_path / "master.key"
    file.write_text(base64.b64encode(MASTER_KEY).decode(), encoding="ascii")
    kept = {name: said for name, said in os.environ.items() if not name.startswith("CASELOG_")}
    said = {"CASELOG_DATABASE_URL": database.app, "CASELOG_MASTER_KEY_FILE": str(file), "TZ": "UTC", "COLUMNS": "200"}
    return lambda *words: typed("calendar", *map(str, words), environment=kept | said, within_s=60)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The notice, saved as it was published."""
    path = tmp_path / "2027.txt"
    path.write_text(notice(2027), encoding="utf-8")
    return path


async def guessed(database: Database) -> None:
    """A case whose ruling is due in days that nobody has published."""
    ledger = await open_ledger(database.app, master_key=MASTER_KEY)
    async with ledger.connection() as connection:
        await policy_book.keep(connection, examples.taobao_text())
    desk, at = Desk(ledger), Instant.parse("2027-02-02T04:00:00Z")
    case_id = await desk.filed(a_filing(clock=await desk.clock(at), at=at))
    await desk.post(case_id, examples.REFUSE)
    at = Instant.parse("2027-02-03T04:00:00Z")
    case_id = await desk.filed(a_filing(clock=await desk.clock(at), at=at))
    await desk.post(case_id, examples.REFUSE)
    await ledger.close()


async def test_days_are_foreseen_loaded_and_what_waited_for_them_is_confirmed(
    types: Types, file: Path, database: Database
) -> None:
    await guessed(database)
    assert "days are published until 2026-12-31" in types("show").out
    assert "not published" in types("show", 2027).out
    dry = types("load", file, "--dry-run")
    assert dry.code == 0, dry.err
    assert "2027 would be loaded, by 国务院办公厅关于2027年部分节假日安排的通知" in dry.out
    assert "deadlines would be moved later: 1\nwould be confirmed where they stand: 1, of which 0 are" in dry.out
    assert "2027-02-14" in dry.out
    assert "2027-12-31" not in types("show").out, "a dry run loads nothing"
    loaded = types("load", file, "--json").json()
    assert (loaded["edition"]["edition"], loaded["edition"]["loaded_by"]) == (1, "caselog calendar")
    assert "nothing changes" in types("load", file).out
    assert types("show", "--json").json()["provisional"] == 2
    assert types("correct", "--dry-run", "--json").json()["later"] == 1
    done = types("correct")
    assert "deadlines moved later: 1\nconfirmed where they stand: 1, of which 0 are earlier" in done.out
    assert "ruling on taobao: 1 later, 1 same" in done.out
    assert types("show", "--json").json()["provisional"] == 0
    year = types("show", 2027)
    assert "2027: published" in year.out
    assert "2027-02-14" in year.out


def test_a_slip_in_a_file_is_said_with_its_line_and_nothing_is_loaded(types: Types, file: Path) -> None:
    file.write_text(notice(2027, ("5月8日(周六)", "5月8日(周日)"), ("五、端午节", "五、七夕节")), encoding="utf-8")
    ended = types("load", file)
    assert ended.code == 1
    assert f"{file}: line 11: 2027-05-08 is no 周日" in ended.err
    assert "端午节" in ended.err
    assert types("load", file, "--json").json()["faults"][0]["detail"].startswith("line 11")
    assert types("show", "--json").json()["editions"] == []


def test_a_year_after_a_gap_and_a_file_that_is_not_there(types: Types, tmp_path: Path) -> None:
    late = tmp_path / "2030.toml"
    late.write_text(
        'year = 2030\nsource = "x"\nrest = [2030-01-01, 2030-05-01, [2030-10-01, 2030-10-03]]\nwork = []\n',
        encoding="utf-8",
    )
    ended = types("load", late)
    assert (ended.code, "would leave a gap" in ended.err) == (1, True)
    assert types("load", tmp_path / "nowhere").code == 2
