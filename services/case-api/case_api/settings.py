"""What an operator may set; every setting comes from the environment, prefixed CASELOG_."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of `caselog up` and of an API worker; each has a line in the reference."""

    model_config = SettingsConfigDict(env_prefix="CASELOG_", frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str | None = Field(None, description="The API's login; none: an embedded Postgres.")
    migration_url: str | None = Field(None, description="The owner's login, for migrations; else database_url.")
    scheduler_url: str | None = Field(None, description="The scheduler's login; else database_url.")
    data_dir: Path = Field(Path(".caselog"), description="Where the embedded Postgres and the master key lie.")
    host: str = Field("127.0.0.1", description="The address the API listens on.")
    port: int = Field(8080, ge=1, le=65535, description="The port the API listens on.")
    api_workers: int = Field(2, ge=1, le=64, description="How many API processes run.")
    schedulers: int = Field(1, ge=0, le=16, description="How many scheduler processes run.")
    env: Literal["development", "sandbox", "production"] = Field("development", description="What this is for.")
    log: Literal["console", "json"] = Field("console", description="How log lines are written.")
    master_key_file: Path | None = Field(None, description="32 bytes in base64: wraps every subject's key.")
