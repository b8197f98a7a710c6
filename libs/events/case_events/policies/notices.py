"""The State Council's yearly notice (国务院办公厅关于某年部分节假日安排的通知), read as it is published.

Each item says its festival, the days off (放假), how many they are (共9天), and the weekend days worked (上班):

    二、春节:2月15日(农历腊月二十八、周日)至23日(农历正月初七、周一)放假调休,共9天。2月14日(周六)、2月28日(周六)上班。

What is said twice is checked: a weekday against its date, a count against its days. A sentence with a date in it that
is none of these is a fault, not passed over.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from case_events.core.values import Fault, Value
from case_events.policies.marked import Marked

TITLE = re.compile(r"关于(\d{4})年部分节假日安排的通知")
NUMBER = re.compile(r"国办发明电\S*?\d+号")
ITEM = re.compile(r"^(?:[一二三四五六七八九十]+、)?([^:、。,\d]+(?:、[^:、。,\d]+)*):(.*)$")
DATE = re.compile(r"(?:(\d{4})年)?(?:(\d{1,2})月)?(\d{1,2})日(?:\(([^)]*)\))?")
COUNT = re.compile(r"[共假](\d+)天")
WEEKDAY = re.compile(r"(?:周|星期)([一二三四五六日天])")
DAYS_OF_THE_WEEK = {
    name: number for number, names in enumerate(("一", "二", "三", "四", "五", "六", "日天")) for name in names
}
FESTIVALS = ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节")
ADVICE = "鼓励"
"""How a sentence begins that arranges nothing: employers are asked to be kind."""


class Said(Value, frozen=True, kw_only=True):
    """What a text says of a year, as it says it: nothing of it was checked against anything else."""

    year: int | None
    source: str
    rest: tuple[Marked, ...]
    work: tuple[Marked, ...]


def is_notice(text: str) -> bool:
    """Is it a notice, and no TOML? It has sentences of such an arrangement in it."""
    return "放假" in text and "=" not in unicodedata.normalize("NFKC", text)


def parse(text: str) -> tuple[Said, list[Fault]]:
    """What the notice arranges, and what is wrong with how it is written; each fault begins with its line."""
    plain = unicodedata.normalize("NFKC", text)
    title = TITLE.search(re.sub(r"\s", "", plain))
    if title is None:
        fault = Fault(pointer="", detail="line 1: no title of the kind 国务院办公厅关于2027年部分节假日安排的通知")
        return Said(year=None, source="", rest=(), work=()), [fault]
    year = int(title[1])
    rest, work, faults, named = list[Marked](), list[Marked](), list[Fault](), set[str]()
    for number, line in enumerate(plain.splitlines(), 1):
        item = ITEM.match(re.sub(r"\s", "", line))
        if item is None:
            faults += _stray(line, number)
            continue
        named |= set(item[1].split("、"))
        for sentence in filter(None, item[2].split("。")):
            off, on, wrong = _sentence(sentence, year, f"line {number}")
            rest, work, faults = [*rest, *off], [*work, *on], [*faults, *wrong]
    unnamed = [one for one in FESTIVALS if not any(one in name for name in named)]
    if unnamed:
        faults.append(Fault(pointer="", detail=f"the notice does not name {'、'.join(unnamed)}"))
    number_of_it = NUMBER.search(re.sub(r"\s", "", plain))
    source = f"国务院办公厅{title[0]}" + (f"({number_of_it[0]})" if number_of_it else "")
    return Said(year=year, source=source, rest=tuple(rest), work=tuple(work)), faults


def _stray(line: str, number: int) -> Iterator[Fault]:
    """Days off or worked that stand in no item would be lost."""
    if DATE.search(line) and ("放假" in line or "上班" in line):
        yield Fault(pointer="", detail=f"line {number}: days are arranged here, but no festival is named (节日:…)")


def _sentence(said: str, year: int, where: str) -> tuple[list[Marked], list[Marked], list[Fault]]:
    """The days off and the worked days of one sentence, and what is wrong with it."""
    if said.startswith(ADVICE) or not DATE.search(said):
        return [], [], []
    runs, faults = _runs(said, year, where)
    if said.endswith("上班"):
        return [], runs, faults
    if "放假" not in said:
        return [], [], [*faults, Fault(pointer="", detail=f"{where}: neither days off nor worked days: {said}")]
    days = sum(len(run) for run in runs if run.first <= run.last)
    wrong = [f"{where}: it says {count} days, and names {days}" for count in COUNT.findall(said) if int(count) != days]
    return runs, [], faults + [Fault(pointer="", detail=detail) for detail in wrong]


def _runs(said: str, year: int, where: str) -> tuple[list[Marked], list[Fault]]:
    """Each date, or each 日…至…日; month and year are those of the date before where they are left out."""
    runs, faults, month, until = list[Marked](), list[Fault](), None, -1
    for found in DATE.finditer(said):
        year, month = int(found[1] or year), int(found[2]) if found[2] else month
        try:
            day = date(year, month or 0, int(found[3]))
        except ValueError:
            faults.append(Fault(pointer="", detail=f"{where}: there is no {found[0]}"))
            continue
        weekday = WEEKDAY.search(found[4] or "")
        if weekday is not None and DAYS_OF_THE_WEEK[weekday[1]] != day.weekday():
            faults.append(Fault(pointer="", detail=f"{where}: {day} is no {weekday[0]}"))
        if runs and said[until : found.start()] == "至":
            runs[-1] = Marked(first=runs[-1].first, last=day, where=where)
        else:
            runs.append(Marked(first=day, last=day, where=where))
        until = found.end()
    return runs, faults
