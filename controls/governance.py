"""Governance: the folded controls as a request reads them, one immutable reference (laws 4, 5 and 6).

Verdict tables are worked out on first use per audience and surface, once per signature, and grow append-only with
new classes; successive views share them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from controls.authors import NOBODY_SPOKE, AuthorView
from controls.causes import Asked, Cause, Classes, mapped
from controls.decisions import Decision, Subject, SubjectKind
from controls.experiments import Experiment
from controls.grants import Grant
from controls.join import Verdict, join
from controls.scopes import Audience, Scope, Sensitive, SurfaceKind
from controls.tiers import Tier
from controls.verdicts import Pin, Shares, VerdictTable

_UNNAMED = "-"
"""Stands for every region that no scope names: all of them have the same verdicts."""


class Tables:
    """Verdict tables of all audiences and surfaces over one :class:`controls.causes.Classes`.

    Entries are immutable and replaced whole, so that readers on other threads see a shorter table or a longer one,
    never a torn one.
    """

    def __init__(self, classes: Classes) -> None:
        self._classes = classes
        self._tables: dict[tuple[Audience, SurfaceKind], VerdictTable] = {}
        self._verdicts: dict[tuple[Audience, SurfaceKind], dict[int, Verdict]] = {}

    def view(self, audience: Audience, surface: SurfaceKind, size: int) -> VerdictTable:
        """The verdicts of the first ``size`` classes."""
        named = audience.region in self._classes.regions
        region = audience.region if named or audience.region == "*" else _UNNAMED
        chosen = audience.sensitive if self._classes.sensitive else Sensitive.UNCHOSEN
        key = (Audience(region, audience.age, sensitive=chosen), surface)
        table = self._tables.get(key)
        if table is None or len(table.effects) < size:
            table = self._grown(table, key, size)
            self._tables[key] = table
        if len(table.effects) == size:
            return table
        parts = (table.eligible[:size], table.tier[:size], table.weight[:size], table.sources[:size], table.caps[:size])
        return VerdictTable(*parts, table.effects[:size])

    def renewed(self, classes: Classes) -> Tables:
        """Tables over other intern tables, worked out for all audiences and surfaces that were asked for."""
        tables = Tables(classes)
        for audience, surface in list(self._tables):
            tables.view(audience, surface, classes.size)
        return tables

    def _grown(self, table: VerdictTable | None, key: tuple[Audience, SurfaceKind], size: int) -> VerdictTable:
        start = 0 if table is None else len(table.effects)
        added = [self._verdict(signature, key) for signature in self._classes.signature_of[start:size]]
        eligible = np.array([verdict.eligible for verdict in added], dtype=np.uint8)
        tier = np.array([verdict.tier for verdict in added], dtype=np.uint8)
        weight = np.array([verdict.weight for verdict in added], dtype=np.int32)
        sources = np.array([verdict.sources for verdict in added], dtype=np.uint8)
        caps = np.array([verdict.caps for verdict in added], dtype=np.uint8)
        effects = tuple(verdict.effects for verdict in added)
        if table is not None:
            eligible = np.concatenate((table.eligible, eligible))
            tier = np.concatenate((table.tier, tier))
            weight = np.concatenate((table.weight, weight))
            sources = np.concatenate((table.sources, sources))
            caps = np.concatenate((table.caps, caps))
            effects = table.effects + effects
        for array in (eligible, tier, weight, sources, caps):
            array.setflags(write=False)
        return VerdictTable(eligible, tier, weight, sources, caps, effects)

    def _verdict(self, signature: int, key: tuple[Audience, SurfaceKind]) -> Verdict:
        verdicts = self._verdicts.setdefault(key, {})
        if signature not in verdicts:
            contributions = [self._classes.contributions[c] for c in self._classes.signatures[signature]]
            verdicts[signature] = join(contributions, *key)
        return verdicts[signature]


@dataclass(frozen=True, slots=True)
class Placement:
    """An active pin (``position`` >= 0) or feature (``position`` -1) of an item that has a row."""

    row: int
    position: int
    scope: Scope
    decision: str
    decided_at: int


@dataclass(frozen=True, slots=True, eq=False)
class Governance:
    """The fold of the ledger up to ``revision`` over the catalogue's columns, at second ``as_of``.

    ``class_of`` int32[N], read-only: verdict class handle of each row. ``policy`` and ``model`` are the content hash
    and version in force, or empty strings. ``frozen``: the editorial feed only. ``next_change``: a lower bound of the
    next second at which time alone changes anything, or None.
    """

    revision: int
    as_of: int
    class_of: NDArray[np.int32]
    policy: str
    model: str
    frozen: bool
    next_change: int | None
    placements: tuple[Placement, ...]
    tier_shares: Shares
    classes: int
    """Number of verdict classes that this view knows."""
    pinned: tuple[Decision, ...]
    """Pins that are in force or will be, whether their items are known or not."""
    community_policies: Mapping[str, str]
    """Content hash of the policy that each community published, by community."""
    experiments: tuple[Experiment, ...]
    """Experiments in force, by name; the same tuple while they are the same."""
    planned: tuple[Decision, ...]
    """The starts of experiments that are in force or will be."""
    _interned: Classes = field(repr=False)
    _tables: Tables = field(repr=False)
    _authors: Mapping[str, AuthorView] = field(repr=False)
    _grants: Mapping[Subject, tuple[Grant, ...]] = field(repr=False)
    _views: dict[tuple[Audience, SurfaceKind], VerdictTable] = field(default_factory=dict, repr=False)
    _pins: dict[tuple[Audience, SurfaceKind], tuple[Pin, ...]] = field(default_factory=dict, repr=False)
    _featured: dict[tuple[Audience, SurfaceKind], NDArray[np.int32]] = field(default_factory=dict, repr=False)

    def table(self, audience: Audience, surface: SurfaceKind) -> VerdictTable:
        """The verdicts of all classes for an audience on a surface; the arrays are ``classes`` long."""
        key = (audience, surface)
        table = self._views.get(key)
        if table is None:
            table = self._views[key] = self._tables.view(audience, surface, self.classes)
        return table

    def same_classes(self, other: Governance) -> bool:
        """Whether a handle of a verdict class means the same here and there."""
        return self._interned is other._interned

    def changed_rows(self, before: Governance) -> NDArray[np.int64]:
        """int64[n], ascending: rows of an earlier view that have other causes now. For the thread that folds."""
        if before.class_of is self.class_of:
            return np.empty(0, dtype=np.int64)
        earlier = before.class_of
        if not self.same_classes(before):
            earlier = mapped(earlier, before.classes, lambda handle: self._interned.find(before.asked(handle)))
        return np.flatnonzero(earlier != self.class_of[: earlier.size])

    def pins(self, audience: Audience, surface: SurfaceKind) -> tuple[Pin, ...]:
        """Pins in force here, by position: one per position (the earliest decided wins) and one per item (the
        foremost position wins). A pin rests while its item is not eligible, or restricted, for this audience."""
        key = (audience, surface)
        pins = self._pins.get(key)
        if pins is None:
            pins = self._pins[key] = self._resolved_pins(audience, surface)
        return pins

    def _resolved_pins(self, audience: Audience, surface: SurfaceKind) -> tuple[Pin, ...]:
        table = self.table(audience, surface)
        by_position: dict[int, Placement] = {}
        for place in self._covering(audience, surface, pinned=True):
            cls = int(self.class_of[place.row])
            if table.eligible[cls] and table.tier[cls] <= Tier.STANDARD:
                by_position.setdefault(place.position, place)
        by_row: dict[int, Placement] = {}
        for position in sorted(by_position):
            by_row.setdefault(by_position[position].row, by_position[position])
        return tuple(Pin(place.position, place.row, place.decision) for place in by_row.values())

    def featured(self, audience: Audience, surface: SurfaceKind) -> NDArray[np.int32]:
        """int32[n], read-only: rows of the editorial list here, newest decision first, each row once."""
        key = (audience, surface)
        rows = self._featured.get(key)
        if rows is None:
            places = reversed(self._covering(audience, surface, pinned=False))
            rows = np.array(list(dict.fromkeys(place.row for place in places)), dtype=np.int32)
            rows.setflags(write=False)
            self._featured[key] = rows
        return rows

    def _covering(self, audience: Audience, surface: SurfaceKind, *, pinned: bool) -> list[Placement]:
        return [
            place
            for place in self.placements
            if (place.position >= 0) == pinned and place.scope.covers(surface, audience, restricting=False)
        ]

    def shares(self, audience: Audience, surface: SurfaceKind) -> Shares:
        """Tier shares over a session; the same for every audience and surface of one policy."""
        del audience, surface
        return self.tier_shares

    @property
    def regions(self) -> frozenset[str]:
        """Every region that the scope of some rule or decision names."""
        return frozenset(self._interned.regions)

    def causes(self, cls: int) -> tuple[Cause, ...]:
        """Every cause of a verdict class, wherever it holds, by kind and id."""
        named = [self._interned.named(cause) for cause in self._interned.causes_of(cls)]
        return tuple(sorted(named, key=lambda cause: (cause.kind, cause.id, cause.words)))

    def asked(self, cls: int) -> tuple[Asked, ...]:
        """Every cause of a verdict class with what it asks for, wherever it holds."""
        interned = self._interned
        return tuple((interned.named(cause), interned.contribution(cause)) for cause in interned.causes_of(cls))

    def acting(self, cls: int, audience: Audience, surface: SurfaceKind) -> tuple[Cause, ...]:
        """The causes of a verdict class whose scope reaches this audience on this surface."""
        acting = []
        for cause in self._interned.causes_of(cls):
            contribution = self._interned.contribution(cause)
            if contribution.scope.covers(surface, audience, restricting=not contribution.favours):
                acting.append(self._interned.named(cause))
        return tuple(sorted(acting, key=lambda cause: (cause.kind, cause.id, cause.words)))

    @property
    def authors(self) -> Mapping[str, AuthorView]:
        """Every author of whom a decision in force speaks (strike, restrict_author, verify_identity), by id."""
        return self._authors

    def author(self, author: str) -> AuthorView:
        """What the decisions in force say of an author; one that they do not speak of has lost nothing."""
        return self._authors.get(author, NOBODY_SPOKE)

    def grants(self, kind: SubjectKind, id: str = "") -> tuple[Grant, ...]:
        """Who holds which power in a community, or on the platform (no id), by power and person."""
        return self._grants.get(Subject(kind, id), ())

    def held_by(self, person: str) -> tuple[Grant, ...]:
        """Every grant of a power, anywhere, to this person, by power and decision."""
        return tuple(sorted(one for held in self._grants.values() for one in held if one.person == person))

    def digest(self) -> str:
        """SHA-256 over the canonical form (classes sorted by their causes, rows mapped to match): equal on replicas
        that folded the same ledger, journal and second, whatever handles they use."""
        present = np.zeros(self.classes, dtype=np.bool_)
        present[self.class_of] = True
        names = {int(cls): self._canonical_class(int(cls)) for cls in np.flatnonzero(present)}
        order = sorted(names, key=names.__getitem__)
        canonical = np.zeros(self.classes, dtype="<i4")
        canonical[order] = np.arange(len(order))
        state = {
            "revision": self.revision,
            "as_of": self.as_of,
            "policy": self.policy,
            "community_policies": dict(self.community_policies),
            "model": self.model,
            "frozen": self.frozen,
            "experiments": [asdict(experiment) for experiment in self.experiments],
            "shares": asdict(self.tier_shares),
            "authors": {author: view.canonical() for author, view in self._authors.items()},
            "grants": sorted([s.kind.value, s.id, *map(asdict, held)] for s, held in self._grants.items()),
            "placements": [asdict(place) for place in self.placements],
            "classes": [names[cls] for cls in order],
        }
        hashed = hashlib.sha256(json.dumps(state, sort_keys=True, separators=(",", ":")).encode())
        hashed.update(canonical[self.class_of].tobytes())
        return hashed.hexdigest()

    def _canonical_class(self, cls: int) -> str:
        causes: Iterable[int] = self._interned.causes_of(cls)
        parts = [(asdict(self._interned.named(c)), asdict(self._interned.contribution(c))) for c in causes]
        return json.dumps(sorted(json.dumps(part, sort_keys=True) for part in parts))
