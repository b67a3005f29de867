"""Where and for whom a rule or a decision holds: surfaces, regions and audience. Never the reader's identity."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

EVERYWHERE = "*"


class SurfaceKind(StrEnum):
    """Where a page is shown."""

    HOME = "home"
    TOPIC = "topic"
    RELATED = "related"
    COMMUNITY = "community"


class AgeClass(StrEnum):
    """Age class of an audience. UNKNOWN is treated as MINOR: unknown resolves to the strictest."""

    ADULT = "adult"
    MINOR = "minor"
    UNKNOWN = "unknown"


class Sensitive(StrEnum):
    """What is to become of sensitive items; which items those are, policies say. UNCHOSEN: as the policy has it."""

    HIDE = "hide"
    WARN = "warn"
    SHOW = "show"
    UNCHOSEN = ""


@dataclass(frozen=True, slots=True)
class Audience:
    """What a verdict may depend on besides the item: region (ISO 3166 code or ``*`` when unknown), age class, language
    (ISO 639-1 code or ``*``), and what was chosen for sensitive items."""

    region: str = EVERYWHERE
    age: AgeClass = AgeClass.UNKNOWN
    language: str = EVERYWHERE
    sensitive: Sensitive = Sensitive.UNCHOSEN


@dataclass(frozen=True, slots=True)
class Scope:
    """The surfaces, regions and age classes that a rule or decision reaches. ``*`` reaches all.

    An audience whose region or age is unknown is inside every *restricting* scope (the strictest reading)
    and outside every *favouring* one.
    """

    surfaces: tuple[str, ...] = (EVERYWHERE,)
    regions: tuple[str, ...] = (EVERYWHERE,)
    audience: str = "any"

    def covers(self, surface: SurfaceKind, audience: Audience, *, restricting: bool) -> bool:
        """Whether the scope reaches this surface and audience; unknown counts as inside when restricting."""
        return (
            (EVERYWHERE in self.surfaces or surface.value in self.surfaces)
            and self._covers_region(audience.region, restricting)
            and self._covers_age(audience.age, restricting)
        )

    def meets(self, other: Scope) -> bool:
        """Whether some surface and audience may lie within both."""
        return (
            _overlap(self.surfaces, other.surfaces)
            and _overlap(self.regions, other.regions)
            and ("any" in (self.audience, other.audience) or self.audience == other.audience)
        )

    def _covers_region(self, region: str, restricting: bool) -> bool:
        if EVERYWHERE in self.regions:
            return True
        return restricting if region == EVERYWHERE else region in self.regions

    def _covers_age(self, age: AgeClass, restricting: bool) -> bool:
        if self.audience == "any":
            return True
        return restricting if age is AgeClass.UNKNOWN else age.value == self.audience


def _overlap(some: Collection[str], others: Collection[str]) -> bool:
    return EVERYWHERE in some or EVERYWHERE in others or not set(some).isdisjoint(others)
