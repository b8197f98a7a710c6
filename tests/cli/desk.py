"""Someone at a terminal beside a running Caselog."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tests.commands import Ended, typed
from tests.serving import Serving

RUN_S = 60
COMMAND = (sys.executable, "-c", "from case_api.cli import main; main()")
"""The same from nothing, as a process that reads every module itself."""


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
        return typed(*words, environment=self.environment(key) | dict(settings or {}), within_s=RUN_S)

    def environment(self, key: str) -> dict[str, str]:
        """What the terminal says to a command that is typed with this key."""
        return {**self._environment, "CASELOG_KEY": f"dev-{key}"}
