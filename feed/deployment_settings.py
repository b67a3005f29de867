"""Settings of where a deployment's records lie and its processes meet; ``feed.settings`` owns all others."""

from __future__ import annotations

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_SCHEMES = {"database": ("postgresql://",), "redis": ("redis://", "rediss://")}


class DeploymentSettings(BaseSettings):
    """Where records lie, and where the processes of one deployment meet."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True, hide_input_in_errors=True)

    database: SecretStr | None = None
    """Address of a PostgreSQL database (postgresql://user:password@host/name, locale C). Unset: the embedded store."""

    store_cache: int = Field(default=128 << 20, ge=1 << 20)
    """Bytes of the embedded store's pages kept in memory: half by its writer, half by eight connections that read."""

    redis: SecretStr | None = None
    """Address of Redis or a Redis Cluster (redis://user:password@host:6379, rediss:// for TLS) that processes share."""

    redis_prefix: str = Field(default="weir", pattern=r"^[A-Za-z0-9_.:-]{1,64}$")
    """How this deployment's keys in Redis begin; every deployment on one Redis needs another."""

    workers: int = Field(default=1, ge=1, le=256)
    """Processes that serve from this machine; more than one need WEIR_DATABASE and WEIR_REDIS."""

    @model_validator(mode="after")
    def _shared(self) -> DeploymentSettings:
        if self.workers > 1 and not (self.database and self.redis):
            raise ValueError(
                f"{self.workers} workers share nothing: set WEIR_DATABASE and WEIR_REDIS, or leave WEIR_WORKERS at 1"
            )
        return self

    @field_validator("database", "redis")
    @classmethod
    def _begins_rightly(cls, address: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        schemes = _SCHEMES[field.field_name or ""]
        if address is not None and not address.get_secret_value().startswith(schemes):
            raise ValueError(f"the address begins with {' or '.join(schemes)}")
        return address
