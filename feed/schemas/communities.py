"""Communities on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from feed.schemas.fields import Id, OptionalId, Text, Wire


class CommunityIn(Wire):
    """What a community says of itself, and who founded it."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    description: Text = ""
    founder: OptionalId = ""
    """The founder's id, as their token names them; needed when the community is new."""


class EscalationIn(Wire):
    """What the platform's moderators are to look at."""

    item: Id
    reason: Annotated[Text, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class CommunityOut:
    """A community: who holds which power in it, and the content hash of its own policy, empty while it has none."""

    id: str
    name: str
    description: str
    founders: list[str]
    managers: list[str]
    policy: str


@dataclass(frozen=True, slots=True)
class EscalatedOut:
    """The case in which the platform decides."""

    case: str
