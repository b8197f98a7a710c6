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
        environment = {**self._environment, "CASELOG_KEY": f"dev-{key}", **(settings or {})}
        return typed(*words, environment=environment, within_s=RUN_S)
