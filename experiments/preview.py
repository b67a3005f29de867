"""Preview: who would be seen more and who less under a draft policy, told from pages that were really asked for.

Owns the comparison; the caller makes each page twice, from its recorded inputs at the state it was served in, once
under the policy in force and once under the draft. Exposure is counted in places on pages: what readers would then have
done is not guessed, nor what their next pages would have been.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from controls.tiers import Tier
from experiments.statistics import Interval, wilson
from ranking.catalogue import Catalogue
from ranking.page import Page


@dataclass(frozen=True, slots=True)
class Shift:
    """Places that one item, author or topic has on the pages ``before`` and ``after``."""

    id: str
    before: int
    after: int

    @property
    def change(self) -> int:
        """Places gained."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Report:
    """What a draft would change on the pages that could be compared.

    ``changed``: pages whose items or their order differ, with a 95 % interval of their share, as if
    pages did not depend on each other. ``places`` before and
    after are of all items. ``tiers`` counts places by tier word. ``gained`` and ``lost`` list the greatest shifts of
    each kind (``items``, ``authors``, ``topics``), and ``moved`` how many of each kind shift at all.
    """

    pages: int
    changed: int
    share: Interval | None
    places_before: int
    places_after: int
    tiers: Mapping[str, tuple[int, int]]
    gained: Mapping[str, Sequence[Shift]]
    lost: Mapping[str, Sequence[Shift]]
    moved: Mapping[str, int]


@dataclass(slots=True)
class Preview:
    """Counts pages as they come."""

    pages: int = 0
    changed: int = 0
    before: Counter[int] = field(default_factory=Counter)
    after: Counter[int] = field(default_factory=Counter)
    tiers: dict[str, list[int]] = field(default_factory=lambda: {tier.word: [0, 0] for tier in Tier})

    def add(self, before: Page, after: Page) -> None:
        """Compare one page made under the policy in force with the same made under the draft."""
        rows = before.rows.tolist(), after.rows.tolist()
        self.pages += 1
        self.changed += rows[0] != rows[1]
        self.before.update(rows[0])
        self.after.update(rows[1])
        for place, page in enumerate((before, after)):
            for tier in page.tiers.tolist():
                self.tiers[Tier(tier).word][place] += 1

    def report(self, catalogue: Catalogue, most: int = 20) -> Report:
        """What was counted, with at most ``most`` shifts of each kind and direction; rows are named by a catalogue."""
        kinds: dict[str, Callable[[int], Iterable[str]]] = {
            "items": lambda row: (catalogue.ids[row],),
            "authors": lambda row: filter(None, (catalogue.author_id(row),)),
            "topics": catalogue.topic_names,
        }
        shifts = {kind: self._shifts(names) for kind, names in kinds.items()}
        return Report(
            pages=self.pages,
            changed=self.changed,
            share=wilson(self.changed, self.pages) if self.pages else None,
            places_before=self.before.total(),
            places_after=self.after.total(),
            tiers={tier: (before, after) for tier, (before, after) in self.tiers.items() if before or after},
            gained={kind: _greatest(found, 1, most) for kind, found in shifts.items()},
            lost={kind: _greatest(found, -1, most) for kind, found in shifts.items()},
            moved={kind: len(found) for kind, found in shifts.items()},
        )

    def _shifts(self, names: Callable[[int], Iterable[str]]) -> list[Shift]:
        counts: dict[str, list[int]] = {}
        for place, counted in enumerate((self.before, self.after)):
            for row, times in counted.items():
                for name in names(row):
                    counts.setdefault(name, [0, 0])[place] += times
        return [Shift(name, *both) for name, both in counts.items() if both[0] != both[1]]


def _greatest(shifts: Iterable[Shift], sign: int, most: int) -> list[Shift]:
    found = [shift for shift in shifts if sign * shift.change > 0]
    return sorted(found, key=lambda shift: (-abs(shift.change), shift.id))[:most]
