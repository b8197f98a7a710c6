"""Someone at a terminal beside a running Caselog."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.serving import Serving

RUN_S = 60
COMMAND = (sys.executable, "-c", "from case_api.cli import main; main()")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """Someone at a terminal beside a running Caselog."""

    def __init__(self, caselog: Serving) -> None:
        kept = {name: said for name, said in caselog.environment().items() if not name.startswith("CASELOG_")}
        self._environment = {
            **kept,
            "CASELOG_DATA_DIR": str(caselog.data),
            "CASELOG_URL": caselog.url,
            "TZ": "UTC",
            "COLUMNS": "200",
        }

    def types(self, *words: str, key: str = "ops", settings: Mapping[str, str] | None = None) -> Ended:
        environment = {**self._environment, "CASELOG_KEY": f"dev-{key}", **(settings or {})}
        done = subprocess.run(
            (*COMMAND, *words), env=environment, capture_output=True, text=True, timeout=RUN_S, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)
