"""What an operator may set; every setting comes from the environment, prefixed CASELOG_."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

EVIDENCE_TYPES = "image/jpeg,image/png,image/webp,image/heic,video/mp4,audio/mpeg,application/pdf,text/plain"
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,63}")


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
    scheduler_host: str = Field("127.0.0.1", description="The address a scheduler answers its probes on.")
    scheduler_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="The port it answers them on, and gives its metrics; none: it answers nobody. Under `caselog up`"
        " the first scheduler's, the others have the next ones; none: free ones.",
    )
    clock_tolerance_s: float = Field(
        5,
        ge=0.1,
        le=3600,
        description="So far the clocks of database and host may be apart, in seconds; beyond, nothing is judged.",
    )
    env: Literal["development", "sandbox", "production"] = Field("development", description="What this is for.")
    log: Literal["console", "json"] = Field("console", description="How log lines are written.")
    log_requests: Literal["all", "slow", "none"] = Field(
        "all",
        description="Which requests have a line in the log: all, those that took a second or were refused, or none.",
    )
    otlp_endpoint: str | None = Field(
        None, description="Where traces go, as http://collector:4318 (OTLP over HTTP); none: nowhere."
    )
    rate_per_minute: int = Field(
        60_000,
        ge=0,
        le=10_000_000,
        description="Requests a key may make in a minute, over all workers, unless it has a limit of its own; 0: any.",
    )
    master_key_file: Path | None = Field(None, description="32 bytes in base64: wraps every subject's key.")
    evidence_url: str | None = Field(
        None, description="Where evidence files lie, as s3://…; none: a folder of data_dir."
    )
    evidence_bytes_max: int = Field(20_000_000, ge=1, le=1_000_000_000, description="Bytes an evidence file may have.")
    evidence_types: str = Field(EVIDENCE_TYPES, description="Media types an evidence file may have.")
    oidc_issuer: str | None = Field(
        None, description="The OpenID provider whose JWTs open the door beside keys, as its tokens name it; none: none."
    )
    oidc_audience: str | None = Field(None, description="For whom its tokens must be made; needed with oidc_issuer.")
    oidc_algorithms: str = Field(
        "RS256,ES256,EdDSA", description="How its tokens may be signed; never none, nor with a shared secret."
    )
    oidc_role_claim: str = Field(
        "roles", description="The claim with the role, or a list with exactly one of ours; a path like a.b, too."
    )
    oidc_client_claim: str = Field("azp", description="The claim that names the client, as azp, client_id or sub.")
    oidc_marketplaces_claim: str | None = Field(
        None,
        description="The claim that limits a token to marketplaces; * is no limit, and a token without it is refused.",
    )
    oidc_merchants_claim: str | None = Field(None, description="The same for merchants.")
    oidc_client_id: str | None = Field(
        None, description="Who the console is to the provider; none: people sign in there with a key."
    )
    oidc_client_secret: SecretStr | None = Field(None, description="What proves it, where the provider wants that.")

    @field_validator("evidence_types")
    @classmethod
    def _are_media_types(cls, said: str) -> str:
        for one in said.split(","):
            if not _MEDIA_TYPE.fullmatch(one.strip()):
                raise ValueError(f"media types, with commas between them, as in {EVIDENCE_TYPES}")
        return said

    @property
    def oidc_signing_algorithms(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.oidc_algorithms.split(","))

    @property
    def evidence_media_types(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.evidence_types.split(","))


class CallerSettings(BaseSettings):
    """The settings of the commands that call a running Caselog."""

    model_config = SettingsConfigDict(env_prefix="CASELOG_", frozen=True, extra="ignore", env_ignore_empty=True)

    url: str = Field("http://127.0.0.1:8080", description="Where the commands that need a running API find it.")
    key: SecretStr | None = Field(None, description="The API key they call with.")
