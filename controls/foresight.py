"""Foresight: what the rules of a policy will say of an item before it is in any catalogue (law 6).

It is compiled apart from the fold, so that asking costs no replica anything; the fold stays what decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

from controls.causes import EMPTY_CLASS, Cause, Classes, Contribution
from controls.compile import CompiledPolicy
from controls.policy import Policy
from controls.signals import LABEL_PREFIX
from controls.tiers import Tier

Asked = tuple[Cause, Contribution]
"""A cause with what it asks for."""


@dataclass(frozen=True, slots=True)
class Coming:
    """An item as rules will see it; fulfils ``controls.signals.Cells`` as the row 0. ``labels``: score and second by
    name; ``standing`` NaN and empty words while nothing is known."""

    item: str
    author: str = ""
    topics: tuple[str, ...] = ()
    community: str = ""
    language: str = ""
    region: str = ""
    published_at: int = 0
    kind: str = ""
    identity: str = ""
    standing: float = nan
    labels: Mapping[str, tuple[float, int]] = field(default_factory=dict)

    def number_at(self, signal: str, row: int, as_of: int) -> float:
        """See :class:`controls.signals.Cells`; so for all."""
        del row
        if signal.startswith(LABEL_PREFIX):
            return self.labels.get(signal.removeprefix(LABEL_PREFIX), (nan, 0))[0]
        if signal == "item.age":
            return float(as_of - self.published_at) if self.published_at > 0 else nan
        return self.standing

    def label_time_at(self, label: str, row: int) -> int:
        del row
        return self.labels.get(label, (nan, 0))[1]

    def words_at(self, signal: str, row: int) -> tuple[str, ...]:
        del row
        if signal == "topic":
            return self.topics
        word = {
            "item.id": self.item,
            "author.id": self.author,
            "author.kind": self.kind,
            "author.identity": self.identity,
            "community": self.community,
            "language": self.language,
            "region": self.region,
        }[signal]
        return (word,) if word else ()


class Foresight:
    """One policy, asked of items one by one; for one thread at a time."""

    def __init__(self, policy: Policy) -> None:
        self._classes = Classes()
        self._compiled = CompiledPolicy(policy, self._classes)

    def asked(self, coming: Coming, as_of: int) -> tuple[Asked, ...]:
        """The rules that match or hold the item at a second, with what they ask for."""
        handle, _ = self._compiled.apply_to(coming, 0, as_of, EMPTY_CLASS)
        causes = self._classes.causes_of(handle)
        return tuple((self._classes.named(cause), self._classes.contribution(cause)) for cause in causes)


PUBLISHED, HELD, WITHHELD = "published", "held", "withheld"
"""What becomes of an item: it may be shown; it waits for a signal or for somebody to look; or a rule or decision keeps
it from pages, which no release lifts."""


def state_of(asked: Sequence[Asked]) -> tuple[str, tuple[Cause, ...]]:
    """What becomes of an item that causes ask this for, and those of them that make it so, wherever they hold."""
    held = [cause for cause, asks in asked if asks.ineligible and asks.held]
    withheld = [cause for cause, asks in asked if asks.tier is Tier.BLOCKED or (asks.ineligible and not asks.held)]
    if any(asks.releases for _, asks in asked):
        held = []
    state = WITHHELD if withheld else HELD if held else PUBLISHED
    return state, (*withheld, *held)
