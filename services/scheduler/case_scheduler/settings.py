"""What an operator may set for a scheduler; every setting comes from the environment, prefixed CASELOG_."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of a scheduler process; ``caselog up`` gives each of its schedulers these."""

    model_config = SettingsConfigDict(env_prefix="CASELOG_", frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field(description="The scheduler's login.")
    master_key_file: Path = Field(description="32 bytes in base64: wraps every subject's key.")
    collective_every_s: float = Field(
        10, ge=0.1, le=3600, description="How often collective complaints are looked for, in seconds."
    )
    log: Literal["console", "json"] = Field("console", description="How log lines are written.")
