"""``make faults``: the full run, then each mutant; a report in words, and the figures in ``.caselog/faults.json``.

Ends with 1 unless nothing was lost, done twice, done early or left out, enough was killed, and every mutant was
found out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from tests import clusters
from tests.faults.company import Failed
from tests.faults.mutants import CONTROL, MUTANTS
from tests.faults.scripts import CASES, CASES_MIN, KILLS_MIN, caught, full, of_a_mutant
from tests.faults.suite import Outcome, play
from tests.faults.verdict import NONE_OF

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 10.0
OUT = ROOT / ".caselog" / "faults.json"


def main() -> None:
    asked = _arguments()
    seed = random.SystemRandom().randrange(1_000_000) if asked.seed is None else asked.seed
    _say(f"the fault suite, seed {seed} (SEED={seed} plays it again)")
    asked.out.unlink(missing_ok=True)  # a run that breaks off leaves no older proof behind
    with tempfile.TemporaryDirectory(prefix="caselog-faults-") as place:
        Path(place).chmod(0o711)  # run by root, Postgres is somebody else and must pass through
        os.environ[clusters.PLACE] = place  # a cluster is made once, and copied for every run
        try:
            report = asyncio.run(_within(asked.minutes, _played(seed, asked.cases)))
        except (Failed, TimeoutError) as broken:
            sys.exit(f"broken off, and so no proof: {str(broken) or f'it takes longer than {asked.minutes} minutes'}")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    wrong = _wrong(report, asked.cases)
    _say(f"\n{asked.out}\n" + ("\n".join(wrong) if wrong else "nothing lost, nothing twice, nothing early"))
    sys.exit(1 if wrong else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="what goes wrong when (default: drawn, and printed)")
    parser.add_argument("--cases", type=int, default=CASES, help=f"how many cases (default {CASES:,})")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"when to give up (default {MINUTES})")
    parser.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args()


async def _within(minutes: float, playing: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Raises TimeoutError when it takes longer: a suite that does not end proves nothing."""
    async with asyncio.timeout(60 * minutes):
        return await playing


async def _played(seed: int, cases: int) -> dict[str, Any]:
    began = time.monotonic()
    _say(f"\n{cases:,} cases under fire")
    outcome = await play(full(seed, cases), _say)
    _tell(outcome)
    found: dict[str, bool] = {}
    for name in (CONTROL, *MUTANTS):
        _say(f"\n{name}")
        mutant = await play(of_a_mutant(name, seed), lambda _: None)
        found[name] = caught(name, mutant)
        _tell(mutant)
        what = "nothing is wrong with it" if name == CONTROL else "found out"
        _say(f"  {what if found[name] else 'NOT: ' + what}")
    return _report(outcome, found, seed, time.monotonic() - began)


def _report(outcome: Outcome, found: Mapping[str, bool], seed: int, seconds: float) -> dict[str, Any]:
    verdict, happened = outcome.verdict, outcome.happened
    return {
        "kills": outcome.kills,
        "cases": verdict.cases,
        **{name: getattr(verdict, name) for name in NONE_OF},
        "mutants_caught": sum(found[name] for name in MUTANTS),
        "mutants": {name: found[name] for name in MUTANTS},
        "control_clean": found[CONTROL],
        "events": verdict.events,
        "timeouts": verdict.timeouts,
        "acknowledged": verdict.acknowledged,
        "watermarks_seen": verdict.looks,
        "replayed": outcome.replayed,
        "refused": outcome.refused,
        "cuts_after_commit": outcome.cuts,
        "happened": dict(sorted(happened.items())),
        "left": outcome.left,
        "found": list(verdict.found),
        "seed": seed,
        "seconds": round(seconds, 1),
    }


def _wrong(report: Mapping[str, Any], cases: int) -> list[str]:
    """Why the run is no proof, or a proof of the contrary; fewer cases may be asked for, fewer are then enough."""
    wrong = [f"{report[name]} {name}" for name in NONE_OF if report[name]]
    wrong += [f"{report['left']} deadlines were left"] if report["left"] else []
    wrong += [f"only {report['kills']} kills"] if report["kills"] < KILLS_MIN else []
    wrong += [f"only {report['cases']} cases"] if report["cases"] < min(cases, CASES_MIN) else []
    wrong += [] if report["cuts_after_commit"] and report["replayed"] else ["nothing was cut after a commit"]
    wrong += [f"{name} was not found out" for name, found in report["mutants"].items() if not found]
    wrong += [] if report["control_clean"] else ["something was found of the careful claim"]
    return wrong


def _tell(outcome: Outcome) -> None:
    verdict = outcome.verdict
    counts = f"{verdict.cases:,} cases, {verdict.events:,} events, {verdict.timeouts:,} timeouts"
    _say(f"  {counts}, in {outcome.seconds:.0f} s")
    done = ", ".join(f"{count} x {kind}" for kind, count in sorted(outcome.happened.items()))
    _say(f"  {outcome.kills} kills, {outcome.cuts} cuts after a commit ({done or 'nothing else happened'})")
    _say(f"  {verdict.acknowledged:,} events acknowledged, {outcome.replayed:,} answers told again")
    _say("  " + ", ".join(f"{name} {getattr(verdict, name)}" for name in NONE_OF))
    for one in verdict.found:
        _say(f"    {one[:300]}")


def _say(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    main()
