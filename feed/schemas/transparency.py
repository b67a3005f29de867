"""The transparency report on the wire; ``controls.transparency`` says what is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TransparencyOut:
    """What was done from ``since`` to ``until``, both days included. Counts by name come most first; shares and medians
    are null where there is nothing to take them of."""

    since: str
    until: str
    acts: Mapping[str, Any]
    decisions: Mapping[str, Any]
    reports: Mapping[str, Any]
    cases: Mapping[str, Any]
    appeals: Mapping[str, Any]
    exposure: Mapping[str, Any]
    feeds: Mapping[str, Any]
    experiments: Mapping[str, Any]
