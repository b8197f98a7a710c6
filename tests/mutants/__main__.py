"""``make mutants``: a seeded sample of small changes to the core, each in a copy of the project, and who noticed.

Prints the score and the survivors with their changes, and writes both as JSON. One process at a time; the working
tree is only read.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.mutants.mutations import Mutant, mutants, mutated
from tests.mutants.trial import PYTEST, judged

ROOT = Path(__file__).resolve().parents[2]
JUDGES = ("tests/core", "tests/figures", "tests/scenarios/test_rehearsed.py")
TOO_LONG = (
    "tests/core/test_histories.py",
    "tests/core/test_invariants.py",
    "tests/core/test_policy_misshapen.py",
)
"""Generated for minutes; a mutant that only they would notice is named as a survivor."""
BUDGET_S = 30.0
"""How long the tests of one mutant may take together, as they took when nothing was changed; the quickest first."""
REACH_LIMIT_S = 1_800


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="caselog-mutants-") as made:
        copy = _copied(Path(made))
        tests = _reach(copy, asked.judges)
        sample = _sample(copy, asked)
        _calibrated(copy, tests)
        print(f"{len(tests)} tests, {len(sample)} mutants", flush=True)
        results = [_tried(copy, name, mutant, tests) for name, mutant in sample]
    _told(results, asked.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="how many mutants (default 400)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", type=Path, metavar="FILE", help="only what survived an earlier run, from its JSON")
    parser.add_argument("--only", nargs="*", default=None, metavar="MODULE", help="modules of the core, by name")
    parser.add_argument("--judges", nargs="*", default=list(JUDGES), metavar="PATH", help="tests that judge")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "mutants.json")
    return parser.parse_args()


def _copied(made: Path) -> Path:
    """What the rules and their tests are made of."""
    copy = made / "copy"
    for folder in ("libs/events", "tests", "docs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (copy / "mutants.ini").write_text("[pytest]\ntimeout = 60\n", encoding="utf-8")
    return copy


def _reach(copy: Path, judges: list[str]) -> dict[str, dict[str, Any]]:
    """Which lines each test runs when nothing is changed; a test that fails so is no judge."""
    written = copy / "reach.json"
    code = (
        "import sys; from pathlib import Path; import pytest\n"
        "from tests.mutants.reach import Reach; from tests.mutants.trial import at_home\n"
        "copy, written, *told = sys.argv[1:]; at_home(Path(copy))\n"
        "plugin = Reach(Path(copy, 'libs/events/case_events/core'), Path(written))\n"
        "sys.exit(pytest.main(told, plugins=[plugin]))\n"
    )
    told = [one for one in PYTEST if one != "-x"] + ["-c", str(copy / "mutants.ini"), "--tb=no", *judges]
    told += [f"--ignore={one}" for one in TOO_LONG]
    environment = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "-c", code, str(copy), str(written), *told]
    subprocess.run(command, cwd=copy, env=environment, timeout=REACH_LIMIT_S, check=False)
    tests: dict[str, dict[str, Any]] = json.loads(written.read_text(encoding="utf-8"))
    return tests


def _sample(copy: Path, asked: argparse.Namespace) -> list[tuple[Path, Mutant]]:
    """So many of all changes there are, always the same for a seed."""
    modules = sorted((copy / "libs/events/case_events/core").glob("*.py"))
    chosen = [one for one in modules if asked.only is None or one.stem in asked.only]
    every = [(module, mutant) for module in chosen for mutant in mutants(module.read_text(encoding="utf-8"))]
    if asked.again is not None:
        left = json.loads(asked.again.read_text(encoding="utf-8"))["survivors"]
        wanted = {(one["module"], one["kind"], *one["diff"]) for one in left}
        named = {(module, kind) for module, kind, *_ in wanted}
        every = [one for one in every if (one[0].stem, one[1].kind) in named]
        return [one for one in every if (one[0].stem, one[1].kind, *_diff(*one)) in wanted]
    random.Random(asked.seed).shuffle(every)
    return every[: asked.count]


def _diff(module: Path, mutant: Mutant) -> list[str]:
    """What the change comes to, whatever line it stands in."""
    source = module.read_text(encoding="utf-8")
    before, after = ast.unparse(ast.parse(source)), ast.unparse(mutated(source, mutant.number))
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[3:]


def _calibrated(copy: Path, tests: dict[str, dict[str, Any]]) -> None:
    """A change that changes nothing is not noticed; else every mutant would seem to be."""
    module = copy / "libs/events/case_events/core/ruling.py"
    quickest = sorted(tests, key=lambda name: float(tests[name]["seconds"]))[:200]
    outcome = judged(copy, module, ast.parse(module.read_text(encoding="utf-8")), quickest)
    if outcome != "survived":
        sys.exit(f"the tests do not hold in the copy even when nothing is changed: {outcome}")


def _tried(copy: Path, module: Path, mutant: Mutant, tests: dict[str, dict[str, Any]]) -> dict[str, Any]:
    started, source = time.monotonic(), module.read_text(encoding="utf-8")
    outcome = judged(copy, module, mutated(source, mutant.number), _judges(module, source, mutant, tests))
    took = time.monotonic() - started
    print(f"{outcome:11} {took:5.1f} s  {module.stem}.py:{mutant.line}  {mutant.kind}", flush=True)
    return {
        "module": module.stem,
        "line": mutant.line,
        "kind": mutant.kind,
        "outcome": outcome,
        "seconds": round(took, 1),
        "diff": _diff(module, mutant),
    }


def _judges(module: Path, source: str, mutant: Mutant, tests: dict[str, dict[str, Any]]) -> list[str]:
    """The tests that run the changed line, else its function, else (a table) the module: as many as time allows.

    The module's own come first, then the quickest of every file, the second quickest of every file, and so on.
    """
    wanted = _around(source, mutant.line)
    ran = {name: set(one["lines"].get(module.stem, ())) for name, one in tests.items()}
    reached = [name for name, lines in ran.items() if mutant.line in lines]
    if not reached and wanted is not None:
        reached = [name for name, lines in ran.items() if lines & wanted]
    elif not reached:
        reached = list(tests)
    own = f"test_{module.stem}.py"
    reached.sort(key=lambda name: float(tests[name]["seconds"]))
    before, place = Counter[str](), dict[str, int]()
    for name in reached:
        file = name.partition("::")[0]
        before[file] += 1
        place[name] = before[file]
    reached.sort(key=lambda name: (own not in name, place[name]))
    chosen, spent = list[str](), 0.0
    for name in reached:
        spent += tests[name]["seconds"]
        if spent > BUDGET_S and chosen:
            break
        chosen.append(name)
    return chosen


def _around(source: str, line: int) -> set[int] | None:
    """The lines of the function this line is in; None outside of all."""
    functions = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.FunctionDef)]
    spans = [range(one.lineno, (one.end_lineno or one.lineno) + 1) for one in functions]
    inside = [span for span in spans if line in span]
    return set(min(inside, key=len)[1:]) if inside else None


def _told(results: list[dict[str, Any]], out: Path) -> None:
    counts = Counter(one["outcome"] for one in results)
    noticed = counts["killed"] + counts["timed out"]
    survivors = [one for one in results if one["outcome"] in ("survived", "not reached")]
    report = {"score": round(100 * noticed / max(len(results), 1), 1), "outcomes": counts, "survivors": survivors}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report | {"mutants": results}, indent=1, ensure_ascii=False), encoding="utf-8")
    for one in survivors:
        print(f"\n{one['module']}.py:{one['line']}  {one['kind']}  ({one['outcome']})")
        print("\n".join(one["diff"]))
    print(f"\n{noticed} of {len(results)} noticed: {report['score']} %; in full: {out}")


if __name__ == "__main__":
    main()
