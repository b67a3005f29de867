"""The whole of ranking once more, in plain Python with dictionaries and sorts: what the kernels are held against.

Written from the words of ``ranking.mixing`` and ``ranking.candidates``, for worlds smaller than their look-ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from controls.scopes import SurfaceKind
from controls.tiers import Tier
from controls.verdicts import Source
from ranking.page import Page, Reason
from ranking.parameters import Parameters
from ranking.reader import EventKind, Mode, Reader, Request
from ranking.snapshot import Snapshot

EXCLUDED, RESERVED, CONSUMED = "excluded", "reserved", "consumed"
SEEN_AGAIN = "fresh once more"
REASONS = {
    Source.POPULAR: Reason.POPULAR_NOW,
    Source.FRESH: Reason.NEW_HERE,
    Source.EDITORIAL: Reason.CHOSEN_BY_EDITORS,
    Source.EXPLORATION: Reason.EXPLORING,
    Source.PIN: Reason.PINNED_BY_EDITORS,
}
PLANS: dict[Mode, list[Any]] = {
    Mode.PERSONALIZED: [Source.GRAPH, Source.POPULAR, Source.FRESH, SEEN_AGAIN],
    Mode.POPULAR: [Source.POPULAR, Source.FRESH],
    Mode.LATEST: [Source.FRESH],
    Mode.EDITORIAL: [Source.EDITORIAL, Source.POPULAR, Source.FRESH],
}

Placed = tuple[int, Source, Tier, int, Reason, int, int, int]


@dataclass
class Candidate:
    row: int
    score: int = 0
    because: int = -1
    drawn_from: int = 0


@dataclass
class Ranking:
    """One page in the making."""

    snapshot: Snapshot
    reader: Reader
    request: Request
    parameters: Parameters
    marks: dict[int, Any] = field(default_factory=dict)
    found: dict[Any, list[Candidate]] = field(default_factory=dict)
    rest: dict[Any, Iterator[Candidate]] = field(default_factory=dict)
    sought_in_vain: bool = False

    def __post_init__(self) -> None:
        governance, surface = self.snapshot.governance, self.request.surface
        self.table = governance.table(self.request.audience, surface.kind)
        self.shares = governance.shares(self.request.audience, surface.kind)
        self.catalogue = self.snapshot.catalogue
        self.settings = self.reader.settings
        mode = self.request.mode
        if mode is Mode.PERSONALIZED and not self.settings.personalization:
            mode = Mode.POPULAR
        self.related = surface.kind is SurfaceKind.RELATED and not governance.frozen
        self.personal = mode is Mode.PERSONALIZED and not self.related and not governance.frozen
        self.plan = PLANS[mode]
        self.diverse = mode in (Mode.PERSONALIZED, Mode.POPULAR)
        if self.related:
            self.plan, self.diverse = [Source.GRAPH, Source.POPULAR, Source.FRESH], True
        if governance.frozen:
            self.plan, self.diverse = [Source.EDITORIAL], False
        self.seed = self.catalogue.row_of(surface.key) if surface.kind is SurfaceKind.RELATED else -1
        size = self.parameters.history
        self.history = self.reader.history.tolist()[-size:] if self.personal and size else []
        if self.related and self.seed >= 0:
            self.history = [[self.seed, 0, EventKind.MORE]]
        self.session = [
            (int(row), Tier(int(tier)))
            for row, tier in zip(self.request.served_rows, self.request.served_tiers, strict=True)
        ]
        self.shares_of_reader = self.reader_shares()

    def pool(self, row: int) -> bool:
        surface = self.request.surface
        if surface.kind is SurfaceKind.TOPIC:
            return surface.key in self.catalogue.topic_names(row)
        if surface.kind is SurfaceKind.COMMUNITY:
            return surface.key != "" and surface.key == self.catalogue.community_id(row)
        return True

    def cls(self, row: int) -> int:
        return int(self.snapshot.governance.class_of[row])

    def tier(self, row: int) -> Tier:
        return Tier(int(self.table.tier[self.cls(row)]))

    def admitted(self, row: int, source: Source) -> bool:
        cls = self.cls(row)
        topics = set(self.catalogue.topic_names(row))
        author = self.catalogue.author_id(row)
        return (
            bool(self.table.eligible[cls])
            and bool(int(self.table.sources[cls]) >> source & 1)
            and self.pool(row)
            and not (author and author in self.settings.muted_authors)
            and not topics.intersection(self.settings.muted_topics)
        )

    def mark(self) -> None:
        rows = self.catalogue.rows
        if self.personal:
            for row, impressions in self.reader.seen.tolist():
                if impressions:
                    self.marks[row] = impressions if impressions > 0 else CONSUMED
            for row, _, kind in self.history:
                if kind == EventKind.HIDE and 0 <= row < rows:
                    self.marks[row] = EXCLUDED
        hidden = [self.catalogue.row_of(item) for item in self.settings.hidden]
        for row in [*hidden, self.seed, *(row for row, _ in self.session)]:
            if row >= 0:
                self.marks[row] = EXCLUDED
        for pin in self.pins():
            free = self.marks.get(pin.row) not in (EXCLUDED, RESERVED)
            fitting = self.tier(pin.row) <= Tier.STANDARD and self.admitted(pin.row, Source.PIN)
            if pin.position >= len(self.session) and free and fitting:
                self.marks[pin.row] = RESERVED

    def pins(self) -> Any:
        return self.snapshot.governance.pins(self.request.audience, self.request.surface.kind)

    def votes(self) -> dict[int, int]:
        p = self.parameters
        by_kind = {
            EventKind.CLICK: p.weight_click,
            EventKind.DWELL: p.weight_dwell,
            EventKind.LIKE: p.weight_like,
            EventKind.SHARE: p.weight_share,
            EventKind.MORE: p.weight_more,
            EventKind.LESS: p.weight_less,
            EventKind.HIDE: p.weight_hide,
        }
        if self.related:
            return {self.seed: 4096} if self.seed >= 0 else {}
        newest = max((second for _, second, _ in self.history), default=0)
        votes: dict[int, int] = {}
        for row, second, kind in reversed(self.history):
            known = 0 <= row < self.catalogue.rows
            if not known or set(self.catalogue.topic_names(row)).intersection(self.settings.less_topics):
                continue
            if by_kind.get(kind, 0):
                votes.setdefault(row, 0)
                by_age = decay(newest - second, p.half_life_days * 86_400)
                since = list(votes).index(row)
                votes[row] += by_kind[kind] * max(by_age * decay(since, p.half_life_items) // 4096, 1)
        return votes

    def weighed(self, score: int, row: int) -> int:
        score = score * int(self.table.weight[self.cls(row)]) // 1024
        if self.personal:
            topics = set(self.catalogue.topic_names(row))
            if topics.intersection(self.settings.more_topics):
                score += score // 2
            if topics.intersection(self.settings.less_topics):
                score //= 2
            impressions = self.marks.get(row, 0)
            for _ in range(impressions if self.parameters.seen_discount_permille < 1000 else 0):
                score = score * self.parameters.seen_discount_permille // 1000
        return score

    def graph(self) -> list[Candidate]:
        sums: dict[int, int] = {}
        best: dict[int, tuple[int, int]] = {}
        for voter, vote in self.votes().items():
            for other, weight in [*self.near(voter), *self.grown(voter)]:
                term = vote * weight
                sums[other] = sums.get(other, 0) + term
                if other not in best or term > best[other][0]:
                    best[other] = (term, voter)
        made = []
        for row, gathered in sums.items():
            if gathered > 0 and self.open(row) and self.admitted(row, Source.GRAPH):
                score = self.weighed(gathered, row)
                if score > 0:
                    made.append(Candidate(row, score, best[row][1]))
        return sorted(made, key=lambda one: (-one.score, one.row))

    def near(self, row: int) -> list[tuple[int, int]]:
        graph = self.snapshot.graph
        if row >= graph.rows:
            return []
        pairs = zip(graph.neighbours[row].tolist(), graph.weights[row].tolist(), strict=True)
        return [(other, weight) for other, weight in pairs if other >= 0]

    def grown(self, row: int) -> list[tuple[int, int]]:
        growth = self.snapshot.growth
        pairs = [
            (other, weight)
            for one, others, weights in zip(growth.rows, growth.neighbours, growth.weights, strict=True)
            for other, weight in zip(others.tolist(), weights.tolist(), strict=True)
            if one == row
        ]
        return [(other, weight) for other, weight in pairs if other >= 0]

    def open(self, row: int) -> bool:
        return self.marks.get(row) not in (EXCLUDED, RESERVED, CONSUMED)

    def listed(self, lists: Any) -> list[int]:
        surface, pool = self.request.surface, "home"
        if surface.kind in (SurfaceKind.TOPIC, SurfaceKind.COMMUNITY):
            pool = f"{surface.kind.value}:{surface.key}"
        return [int(row) for row in (lists[pool] if pool in lists else lists.get("home", ()))]

    def popular(self) -> list[Candidate]:
        made = []
        for place, row in enumerate(self.listed(self.snapshot.popular)):
            if self.open(row) and self.admitted(row, Source.POPULAR):
                made.append((-self.weighed((1 << 40) // (64 + place), row), place, row))
        return [Candidate(row) for _, _, row in sorted(made)]

    def fresh(self, seen: bool) -> list[Candidate]:
        rows = range(self.catalogue.rows)
        newest = sorted(rows, key=lambda row: (-int(self.catalogue.published[row]), -row))
        return [
            Candidate(row)
            for row in newest
            if self.open(row) and self.admitted(row, Source.FRESH) and (self.marks.get(row, 0) > 0) == seen
        ]

    def editorial(self) -> list[Candidate]:
        listed = self.snapshot.governance.featured(self.request.audience, self.request.surface.kind)
        return [
            Candidate(int(row))
            for row in listed
            if self.marks.get(int(row), 0) == 0 and self.admitted(int(row), Source.EDITORIAL)
        ]

    def fits(self, row: int, strict: bool) -> bool:
        tiers = [tier for _, tier in self.session[-(self.shares.window - 1) :]] if self.shares.window > 1 else []
        if self.tier(row) is Tier.RESTRICTED and tiers.count(Tier.RESTRICTED) >= self.shares.restricted_max:
            return False
        lately = [other for other, _ in self.session[-(self.shares.window - 1) :]] if self.shares.window > 1 else []
        for bit, most in enumerate(self.shares.caps):
            if self.capped(row, bit) and sum(self.capped(other, bit) for other in lately) >= most:
                return False
        if not strict or not self.diverse:
            return True
        if self.tier(row) is Tier.ENCOURAGED and tiers.count(Tier.ENCOURAGED) >= self.shares.encouraged_max:
            return False
        author = self.catalogue.author_id(row)
        window = self.parameters.author_window - 1
        before = [self.catalogue.author_id(other) for other, _ in self.session[-window:]] if window else []
        if author and before.count(author) >= self.parameters.author_max:
            return False
        return not self.parameters.topic_max or not self.crowded(row)

    def capped(self, row: int, bit: int) -> bool:
        return bool(int(self.table.caps[self.cls(row)]) >> bit & 1)

    def crowded(self, row: int) -> bool:
        window, surface = self.parameters.topic_window - 1, self.request.surface
        before = [topic for other, _ in self.session[-window:] for topic in self.topics(other)] if window else []
        return any(
            before.count(topic) >= self.parameters.topic_max
            for topic in self.topics(row)
            if not (surface.kind is SurfaceKind.TOPIC and topic == surface.key)
        )

    def topics(self, row: int) -> tuple[str, ...]:
        return self.catalogue.topic_names(row)

    def reader_shares(self) -> dict[str, int]:
        """Thousandths of each topic in the votes of the history, of an item's vote as much for each of its topics."""
        votes: dict[str, int] = {}
        for row, vote in self.votes().items() if self.personal and self.parameters.calibration else ():
            for topic in self.topics(row) if vote > 0 else ():
                votes[topic] = votes.get(topic, 0) + vote * (840 // len(self.topics(row)))
        total = sum(votes.values())
        return {topic: vote * 1000 // total for topic, vote in votes.items()}

    def worth(self, one: Candidate) -> int:
        """The score, raised as far as the item's voice goes to topics that the list falls short of."""
        lately = len(self.request.served_rows) - 40
        have: dict[str, int] = {}
        listed = [self.topics(row) for row, _ in self.session[max(lately, 0) :] if self.topics(row)]
        for topics in listed:
            for topic in topics:
                have[topic] = have.get(topic, 0) + 840 // len(topics)
        mine, filled = self.topics(one.row), 0
        for topic in mine:
            due = self.shares_of_reader.get(topic, 0) * (len(listed) + 1) * 840
            filled += min(max(due - have.get(topic, 0) * 1000, 0), 840 // len(mine) * 1000)
        return one.score * (1000 + self.parameters.calibration * filled // 840_000)

    def find_worthiest(self) -> Candidate | None:
        """Of the graph's next 16 the worthiest that fits, the first of equals."""
        near = islice(filter(self.free, self.following(Source.GRAPH)), 16)
        return max((one for one in near if self.fits(one.row, strict=True)), key=self.worth, default=None)

    def free(self, one: Candidate) -> bool:
        return self.marks.get(one.row) not in (EXCLUDED, RESERVED)

    def following(self, source: Any) -> Iterator[Candidate]:
        place = 0
        while True:
            if place == len(self.found[source]):
                cap = self.parameters.candidates if source is Source.GRAPH else len(self.marks) + 10**6
                one = next(self.rest[source], None) if place < cap else None
                while one is not None and not self.free(one):
                    one = next(self.rest[source], None)
                if one is None:
                    return
                self.found[source].append(one)
            yield self.found[source][place]
            place += 1

    def find(self, source: Any, fitting: Callable[[int], bool]) -> Candidate | None:
        for one in self.following(source):
            if self.free(one) and fitting(one.row):
                return one
        return None

    def behind(self) -> bool:
        tiers = [tier for _, tier in self.session[-(self.shares.window - 1) :]] if self.shares.window > 1 else []
        due = self.shares.encouraged_min * min(len(self.session) + 1, self.shares.window) // self.shares.window
        return self.diverse and not self.sought_in_vain and tiers.count(Tier.ENCOURAGED) < due

    def choose(self) -> tuple[Any, Candidate] | None:
        p, position = self.parameters, len(self.session)
        turns = [
            (Source.EDITORIAL, p.editorial_every, p.editorial_every // 2),
            (Source.FRESH, p.fresh_every, p.fresh_every - 1),
            (Source.POPULAR, p.popular_every, p.popular_every // 3),
        ]
        for source, every, turn in turns if self.personal else []:
            if every and position % every == turn:
                one = self.find(source, lambda row: self.fits(row, strict=True))
                if one:
                    return source, one
        if self.behind():
            for source in self.plan:
                one = self.find(source, lambda row: self.tier(row) is Tier.ENCOURAGED and self.fits(row, strict=True))
                if one:
                    return source, one
            self.sought_in_vain = True
        worthiest = self.find_worthiest() if self.shares_of_reader else None
        if worthiest:
            return Source.GRAPH, worthiest
        for strict in (True, False):
            for source in self.plan:
                one = self.find(source, lambda row, strict=strict: self.fits(row, strict))  # type: ignore[misc]
                if one:
                    return source, one
        return None

    def explore(self) -> tuple[Any, Candidate] | None:
        every, position = self.parameters.explore_every, len(self.session)
        if not self.personal or not every:
            return None
        if position % every != (mixed(~self.request.seed, position // every) >> 32) * every >> 32:
            return None
        likely = [
            row
            for row in self.listed(self.snapshot.exploration)
            if self.marks.get(row, 0) == 0
            and self.tier(row) is not Tier.RESTRICTED
            and self.admitted(row, Source.EXPLORATION)
            and self.fits(row, strict=True)
        ]
        if not likely:
            return None
        picked = likely[(mixed(self.request.seed, position) >> 32) * len(likely) >> 32]
        return Source.EXPLORATION, Candidate(picked, drawn_from=len(likely) * every)

    def page(self) -> list[Placed]:
        self.mark()
        sequences: dict[Any, list[Candidate]] = {
            Source.GRAPH: self.graph() if Source.GRAPH in self.plan else [],
            Source.POPULAR: self.popular(),
            Source.FRESH: self.fresh(seen=False),
            Source.EDITORIAL: self.editorial(),
            SEEN_AGAIN: self.fresh(seen=True),
        }
        self.rest = {source: iter(sequence) for source, sequence in sequences.items()}
        self.found = {source: [] for source in sequences}
        page: list[Placed] = []
        for _ in range(self.request.limit):
            due = [p for p in self.pins() if p.position == len(self.session) and self.marks.get(p.row) == RESERVED]
            pinned = (Source.PIN, Candidate(due[0].row)) if due else None
            chosen: tuple[Any, Candidate] | None = pinned or self.explore() or self.choose()
            if chosen is None:
                waiting = [pin for pin in self.pins() if self.marks.get(pin.row) == RESERVED]
                if not waiting:
                    break
                chosen = (Source.PIN, Candidate(waiting[0].row))
            source, one = chosen
            source = Source.FRESH if source is SEEN_AGAIN else source
            graph_reason = Reason.BECAUSE_YOU_LIKED if self.personal else Reason.SIMILAR_ITEM
            reason = graph_reason if source is Source.GRAPH else REASONS[source]
            tier = self.tier(one.row)
            page.append((one.row, source, tier, self.cls(one.row), reason, one.because, one.score, one.drawn_from))
            self.marks[one.row] = EXCLUDED
            self.session.append((one.row, tier))
        return page


def decay(age: int, half_life: int) -> int:
    """4096 halved with each half-life, sixteen steps each, never below 1."""
    if half_life == 0:
        return 4096
    if age // half_life >= 12:
        return 1
    return max(round(4096 * 2 ** (-(age % half_life * 16 // half_life) / 16)) >> (age // half_life), 1)


def mixed(seed: int, position: int) -> int:
    """SplitMix64's output for the position-th step from a seed."""
    word = seed + (position + 1) * 0x9E3779B97F4A7C15 & 2**64 - 1
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & 2**64 - 1
    word = (word ^ word >> 27) * 0x94D049BB133111EB & 2**64 - 1
    return word ^ word >> 31


def plain_page(snapshot: Snapshot, reader: Reader, request: Request, parameters: Parameters) -> list[Placed]:
    """(row, source, tier, class, reason, because, score, drawn from) of each item of the page."""
    return Ranking(snapshot, reader, request, parameters).page()


def as_tuples(page: Page) -> list[Placed]:
    """A page of the kernels in the same form."""
    return [
        (row, Source(source), Tier(tier), cls, Reason(reason), because, score, drawn_from)
        for row, source, tier, cls, reason, because, score, drawn_from in zip(
            page.rows.tolist(),
            page.sources.tolist(),
            page.tiers.tolist(),
            page.classes.tolist(),
            page.reasons.tolist(),
            page.because.tolist(),
            page.scores.tolist(),
            page.drawn_from.tolist(),
            strict=True,
        )
    ]
