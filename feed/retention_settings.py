"""Settings of how long things are kept; ``feed.settings`` owns all others but those of ``feed.deployment_settings``."""

from __future__ import annotations

from pydantic import Field, model_validator

from feed.deployment_settings import DeploymentSettings

ACT_DAYS = 16
"""Days back from now within which exposures before and after acts are counted for the transparency report."""


class RetentionSettings(DeploymentSettings):
    """What is kept, and for how long. Times in days."""

    servings_days: int = Field(default=30, ge=1)
    """Days for which Servings are kept for why, replay and preview; with PostgreSQL until that day (UTC) ends."""

    events_days: int = Field(default=0, ge=0, le=36_500)
    """Days for which events are kept; with PostgreSQL until their whole part is that old. 0: until they are erased."""

    events_part_days: int = Field(default=30, ge=1, le=3660)
    """Days of events that lie in one part of a PostgreSQL database; retention lets go of whole parts."""

    evidence_days: int = Field(default=184, ge=1, le=10_980)
    """Days for which what a takedown, restrict, strike or correct was about is held, unless a hold says otherwise."""

    correction_days: int = Field(default=30, ge=1, le=366)
    """Days for which a correction is sent to those who were exposed and have not seen it."""

    @model_validator(mode="after")
    def _events_last(self) -> RetentionSettings:
        least = max(self.servings_days, ACT_DAYS)
        if 0 < self.events_days < least:
            raise ValueError(
                f"WEIR_EVENTS_DAYS is {self.events_days}: events are counted around acts for {ACT_DAYS} days and judge "
                f"Servings for {self.servings_days} (WEIR_SERVINGS_DAYS); set it to {least} or more, or to 0 for ever"
            )
        return self
