"""The papers of corrections, in the register "corrections": one for each correction with its count, one for each reader
who was told, which is theirs and goes when they are erased (law 8). Both are written in one transaction, so that the
count is right however often a reader is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from controls.corrections import Correction, Reach
from controls.scopes import Scope
from feed.storage.ports.store import Store
from feed.storage.register import Entry

OPEN = "open"
ENDED = "ended"
SEEN = "seen"
UNCONFIRMED = "unconfirmed"

_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Paper:
    """A reader who was told at a second; ``state`` is ``seen`` or ``unconfirmed``, ``digest`` stands for them."""

    digest: str
    reader: str
    at: int
    state: str


class CorrectionPapers:
    """The register of corrections. Everything blocks."""

    def __init__(self, store: Store) -> None:
        self._register = store.register("corrections")

    def begin(self, correction: Correction) -> bool:
        """Keep a correction unless it is kept; whether it is still to be sent."""

        def kept(stored: Mapping[str, Entry]) -> Sequence[Entry]:
            return [] if stored else [_entry(correction, Reach(), OPEN)]

        self._register.edit([correction.decision], kept).result()
        entry = self._register.get(correction.decision)
        return entry is not None and entry.state == OPEN

    def end(self, decision: str) -> None:
        """Keep that a correction is sent no longer."""
        self._change(decision, lambda entry: replace(entry, state=ENDED))

    def unfinished(self) -> Iterator[Correction]:
        """The corrections that are still to be sent."""
        for entry in self._pages(state=OPEN):
            yield _read(entry)[0]

    def told(self, decision: str) -> frozenset[str]:
        """Digests of the readers who were told."""
        return frozenset(entry.id.rpartition("/")[2] for entry in self._pages(subject=decision))

    def is_told(self, decision: str, digest: str) -> bool:
        """Whether a reader was told."""
        return self._register.get(f"{decision}/{digest}") is not None

    def of_reader(self, reader: str) -> Iterator[tuple[str, int, str]]:
        """Of every correction that a reader was told: the decision, the second, and the state; newest first."""
        return ((entry.subject, entry.at, entry.state) for entry in self._pages(person=reader))

    def counted(self, decision: str, exposed: int) -> None:
        """Keep that so many readers were exposed."""
        self._count(decision, lambda reach: reach.grown(exposed))

    def one_more(self, decision: str) -> None:
        """Keep that one more reader was exposed than was known."""
        self._count(decision, lambda reach: reach.grown(reach.exposed + 1))

    def write(self, correction: Correction, papers: Sequence[Paper]) -> None:
        """Keep that readers were told, and count those of whom that was not kept before."""

        def told(stored: Mapping[str, Entry]) -> Sequence[Entry]:
            new = {f"{correction.decision}/{paper.digest}": paper for paper in papers}
            new = {id: paper for id, paper in new.items() if id not in stored}
            entry = stored.get(correction.decision)
            if entry is None or not new:
                return []
            seconds = [max(paper.at - correction.starts_at, 0) for paper in new.values() if paper.state == SEEN]
            _, reach = _read(entry)
            counted = _entry(correction, reach.told(seconds, len(new) - len(seconds)), entry.state)
            return [counted, *(_paper(id, correction, paper) for id, paper in new.items())]

        ids = [f"{correction.decision}/{paper.digest}" for paper in papers]
        self._register.edit([correction.decision, *ids], told).result()

    def reach(self, decision: str) -> tuple[Correction, Reach, bool] | None:
        """A correction, how far it came, and whether it is still sent; None for a decision that is none."""
        entry = self._register.get(decision)
        if entry is None or entry.state not in (OPEN, ENDED):
            return None
        return *_read(entry), entry.state == OPEN

    def _count(self, decision: str, change: Callable[[Reach], Reach]) -> None:
        def counted(entry: Entry) -> Entry:
            correction, reach = _read(entry)
            return _entry(correction, change(reach), entry.state)

        self._change(decision, counted)

    def _change(self, decision: str, change: Callable[[Entry], Entry]) -> None:
        def changed(stored: Mapping[str, Entry]) -> Sequence[Entry]:
            return [made for entry in stored.values() if (made := change(entry)) != entry]

        self._register.edit([decision], changed).result()

    def _pages(self, **wanted: str) -> Iterator[Entry]:
        after: tuple[int, str] | None = None
        while page := self._register.find(**wanted, after=after, limit=_PAGE):  # type: ignore[arg-type]
            yield from page
            after = page[-1].at, page[-1].id


def _entry(correction: Correction, reach: Reach, state: str) -> Entry:
    content = orjson.dumps({"correction": asdict(correction), "reach": asdict(reach)}).decode()
    at, due_at = correction.starts_at, correction.ends_at
    return Entry(correction.decision, content, state=state, subject=correction.item, at=at, due_at=due_at)


def _paper(id: str, correction: Correction, paper: Paper) -> Entry:
    return Entry(id, "{}", state=paper.state, subject=correction.decision, person=paper.reader, at=paper.at)


def _read(entry: Entry) -> tuple[Correction, Reach]:
    content: Mapping[str, Any] = orjson.loads(entry.content)
    stored, reach = dict(content["correction"]), dict(content["reach"])
    scope = stored.pop("scope")
    stored["scope"] = Scope(tuple(scope["surfaces"]), tuple(scope["regions"]), scope["audience"])
    stored["members"] = tuple(stored["members"])
    reach["within"] = tuple(reach["within"])
    return Correction(**stored), Reach(**reach)
