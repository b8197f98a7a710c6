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
    catch_up_share: float = Field(
        0.7,
        gt=0,
        le=1,
        description="Of the time, for firing while more than a thousand deadlines are overdue; others have the rest.",
    )
    clock_tolerance_s: float = Field(
        5, ge=0.1, le=3600, description="So far the clocks of database and host may be apart; beyond, nothing fires."
    )
    scheduler_host: str = Field("127.0.0.1", description="The address a scheduler answers its probes on.")
    scheduler_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="The port it answers them on, and gives its metrics; none: it answers nobody.",
    )
    env: Literal["development", "sandbox", "production"] = Field(
        "development", description="What this is for. A webhook goes to this very machine in development only."
    )
    log: Literal["console", "json"] = Field("console", description="How log lines are written.")
    otlp_endpoint: str | None = Field(
        None, description="Where traces go, as http://collector:4318 (OTLP over HTTP); none: nowhere."
    )
