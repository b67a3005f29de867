"""Thresholds of standing as policy documents write them: below how many points which service is limited (law 9)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from controls.conditions import Document, Duration
from controls.grounds import BasisDocument
from controls.parameters import MAX_PER_DAY, MAX_POINTS, Service

_Whole = Annotated[int, Field(strict=True)]


class ThresholdDocument(Document):
    """An author whose standing is ``below`` so many points is limited in ``service``: pre_review, no_recommendation,
    rate (with ``per_day`` items) or suspended. At that many points the service is as before."""

    below: Annotated[_Whole, Field(ge=1, le=MAX_POINTS)]
    service: Service
    per_day: Annotated[_Whole, Field(ge=1, le=MAX_PER_DAY)] | None = None

    @model_validator(mode="after")
    def _rated(self) -> ThresholdDocument:
        if (self.service is Service.RATE) != (self.per_day is not None):
            raise ValueError("per_day belongs to the service rate, which cannot do without it")
        return self


class StandingDocument(Document):
    """What becomes of authors as their standing falls and recovers. Each limit is a decision of the service on this
    ``basis``, to be reviewed after ``review_after``."""

    thresholds: Annotated[tuple[ThresholdDocument, ...], Field(min_length=1, max_length=20)]
    basis: BasisDocument
    review_after: Duration = 30 * 86_400

    @model_validator(mode="after")
    def _distinct(self) -> StandingDocument:
        services = [threshold.service for threshold in self.thresholds if threshold.service is not Service.RATE]
        rates = [threshold.below for threshold in self.thresholds if threshold.service is Service.RATE]
        if len(set(services)) < len(services) or len(set(rates)) < len(rates):
            raise ValueError("a service has one threshold; only rate may have several, each below other points")
        return self
