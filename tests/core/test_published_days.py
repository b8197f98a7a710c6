"""Published days as operators bring them: the State Council's notice, or TOML, and everything that can be wrong."""

from __future__ import annotations

import re
import textwrap
from datetime import date
from pathlib import Path

import chinese_calendar
import pytest

from case_events.core.calendar import PublishedYear
from case_events.core.values import Fault
from case_events.policies.published_days import TEXT_MAX, read
from case_events.policies.working_days import published, published_with
from case_events.shape import Misshapen
from tests.notices import notice

CLOCK = Path(__file__).resolve().parents[2] / "docs" / "clock.md"
FULL_WIDTH = 0xFEE0
"""From a mark of ASCII to the one a Chinese keyboard types."""
TOML = """
year = 2027
source = "国办发明电〔2026〕9号"
rest = [2027-01-01, [2027-02-05, 2027-02-11], [2027-05-01, 2027-05-05], [2027-10-01, 2027-10-07]]
work = [
    2027-01-30,
    2027-02-14,
]
"""


def faults(text: str, source: str | None = None) -> list[Fault]:
    with pytest.raises(Misshapen) as refused:
        read(text, source)
    return list(refused.value.faults)


def fault(text: str) -> str:
    (only,) = faults(text)
    return f"{only.pointer} {only.detail}".strip()


def days(*said: str) -> tuple[date, ...]:
    return tuple(date.fromisoformat(f"2027-{day}") for day in said)


def test_the_year_that_the_docs_show_can_be_loaded() -> None:
    told = re.findall(r"(?:^ {4}.*\n)+", CLOCK.read_text(encoding="utf-8"), re.MULTILINE)
    (shown,) = [one for one in map(textwrap.dedent, told) if one.startswith("year =")]
    assert read(shown) == read(TOML)


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_the_notices_of_three_years_say_what_the_library_knows(year: int) -> None:
    read_year = read(notice(year))
    off = {day for day in chinese_calendar.constants.holidays if day.year == year and day.weekday() < 5}
    on = {day for day in chinese_calendar.constants.workdays if day.year == year}
    assert (set(read_year.rest), set(read_year.work)) == (off, on)
    assert read_year.source == f"国务院办公厅关于{year}年部分节假日安排的通知(国办发明电〔{year - 1}〕7号)"
    assert published_with([read_year]) == published(), "the same days change nothing"


def test_a_notice_is_read_however_its_marks_are_typed() -> None:
    wide = notice(2026).translate({ord(mark): ord(mark) + FULL_WIDTH for mark in "0123456789:,()"})
    assert wide != notice(2026)
    assert read(wide) == read(notice(2026))


def test_the_new_year_may_be_bridged_in_the_december_before() -> None:
    written = "1月1日(周五)至3日(周日)放假,共3天。"
    text = notice(2027, (written, "2026年12月31日(周四)至2027年1月3日(周日)放假调休,共4天。2026年12月27日(周日)上班。"))
    said = read(text)
    assert (said.rest[0], said.work[0]) == (date(2026, 12, 31), date(2026, 12, 27))
    calendar = published_with([said])
    assert not calendar.is_working_day(date(2026, 12, 31))
    assert calendar.is_working_day(date(2026, 12, 27))
    assert published().is_working_day(date(2026, 12, 31))


@pytest.mark.parametrize(
    ("written", "instead", "detail"),
    [
        ("5月8日(周六)上班", "5月8日(周日)上班", "line 11: 2027-05-08 is no 周日"),
        ("5月8日(周六)上班", "5月7日(周五)上班", "line 11: 2027-05-07 is no weekend: it is worked anyway"),
        ("至5日(周三)放假调休,共5天", "至5日(周三)放假调休,共6天", "line 11: it says 6 days, and names 5"),
        ("6月9日(周三)放假1天", "6月9日(周三)放假2天", "line 12: it says 2 days, and names 1"),
        ("6月9日(周三)放假1天", "6月31日(周三)放假1天", "line 12: there is no 6月31日(周三)"),
        ("2月14日(周日)上班", "2月7日(周日)上班", "line 9: 2027-02-07 was said already (line 9)"),
        ("5月8日(周六)上班", "5月8日(周六)休市", "line 11: neither days off nor worked days: 5月8日(周六)休市"),
        ("六、中秋节:9月", "六、9月", "line 13: days are arranged here, but no festival is named (节日:…)"),
        ("2月5日(农历除夕、周五)至11日", "2月11日(周四)至5日", "line 9: it ends before it begins"),
        ("1月1日(周五)至3日(周日)放假,共3天。", "1月2日(周六)放假。", "/rest 2027-01-01 is a holiday by law"),
        ("1月30日(周六)", "2028年1月29日(周六)", "line 9: 2028-01-29 is not in 2027, nor in the December before"),
        ("1月30日(周六)", "2026年11月28日(周六)", "line 9: 2026-11-28 is not in 2027, nor in the December before"),
        ("部分节假日安排的通知", "节假日", "line 1: no title of the kind"),
    ],
)
def test_a_slip_in_a_notice_is_named_with_its_line(written: str, instead: str, detail: str) -> None:
    found = [f"{one.pointer} {one.detail}".strip() for one in faults(notice(2027, (written, instead)))]
    assert any(one.startswith(detail) for one in found), found


def test_every_fault_of_a_notice_is_named_at_once() -> None:
    text = notice(
        2027, ("5月8日(周六)", "5月8日(周一)"), ("共7天。1月30日", "共9天。1月30日"), ("五、端午节", "五、七夕节")
    )
    assert [one.detail for one in faults(text)] == [
        "line 9: it says 9 days, and names 7",
        "line 11: 2027-05-08 is no 周一",
        "the notice does not name 端午节",
    ]


def test_an_employer_that_is_asked_to_be_kind_arranges_nothing() -> None:
    assert date(2024, 2, 9) not in read(notice(2024)).rest


def test_days_in_toml_are_dates_and_runs_of_dates() -> None:
    said = read(TOML)
    off = days(
        *("01-01", "02-05", "02-08", "02-09", "02-10", "02-11", "05-03", "05-04", "05-05"),
        *("10-01", "10-04", "10-05", "10-06", "10-07"),
    )
    source = "国办发明电〔2026〕9号"
    assert said == PublishedYear(year=2027, rest=off, work=days("01-30", "02-14"), source=source)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("    2027-01-30,", "    2027-01-29,", "line 6: 2027-01-29 is no weekend: it is worked anyway"),
        ("    2027-02-14,", "    2027-02-07,", "line 7: 2027-02-07 was said already (line 4)"),
        ("2027-01-01, ", "", "/rest 2027-01-01 is a holiday by law and not among the days off"),
        ("2027-01-01, ", '"2027-01-01", ', "/rest/0 a date (2027-02-14) or [first, last]"),
        ("2027-01-01, ", "2027-01-01T00:00:00Z, ", "/rest/0 a date (2027-02-14) or [first, last]"),
        ("[2027-02-05, 2027-02-11]", "[2027-02-05, 2028-02-11]", "line 4: 372 days are no holiday"),
        ("year = 2027", "year = 1999", "/year a year from 2004 to 2199"),
        ("year = 2027", "year = true", "/year a year from 2004 to 2199"),
        ("year = 2027\n", "", "/year missing"),
        ("year = 2027", "year = 2027\nworks = []", "/works no such field"),
        ('source = "国办发明电〔2026〕9号"', 'source = " "', "/source say where it stands, in 1 to 400 characters"),
        ('source = "国办发明电〔2026〕9号"', "source = 9", "/source text"),
        ("work = [", "work = [[", " neither a notice nor TOML: Unclosed array (at end of document)"),
    ],
)
def test_a_slip_in_toml_is_named_with_its_line(written: str, instead: str, said: str) -> None:
    assert TOML.count(written) == 1
    found = [f"{one.pointer} {one.detail}" for one in faults(TOML.replace(written, instead))]
    assert any(one.strip() == said.strip() for one in found), found


@pytest.mark.parametrize(("year", "missing"), [(2027, "01-01"), (2028, "05-01"), (2028, "10-02"), (2028, "10-03")])
def test_each_holiday_of_the_law_that_is_no_weekend_is_among_the_days_off(year: int, missing: str) -> None:
    law = ("01-01", "05-01", "10-01", "10-02", "10-03")
    rest = ", ".join(f"{year}-{day}" for day in law if day != missing)
    text = f'year = {year}\nsource = "x"\nrest = [{rest}]\nwork = []\n'
    assert fault(text) == f"/rest {year}-{missing} is a holiday by law and not among the days off"


def test_a_source_may_be_named_beside_the_file() -> None:
    assert read(TOML, "某某网").source == "某某网"
    assert read(notice(2026), "某某网").source == "某某网"


def test_what_is_too_long_is_not_read() -> None:
    assert fault("#" * (TEXT_MAX + 1)) == f"more than {TEXT_MAX} characters"


def test_a_year_after_a_gap_is_refused_and_one_after_another_is_not() -> None:
    known = published().known_until.year
    near, far = (PublishedYear(year=known + further, rest=(), work=(), source="x") for further in (1, 2))
    with pytest.raises(ValueError, match=f"{known + 2} would leave a gap"):
        published_with([far])
    assert published_with([far, near]).known_until == date(known + 2, 12, 31), "in whatever order they come"


def test_the_law_alone_is_guessed_by_whatever_release_of_the_library_is_there() -> None:
    """The library's days for a published year have its bridging days among them; ours never do."""
    assert date(2026, 1, 2) not in published().statutory
    assert date(2026, 2, 16) in published().statutory
    assert date(2035, 10, 1) in published().statutory
