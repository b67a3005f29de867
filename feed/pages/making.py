"""Pages: from a reader and a Snapshot to the bytes of a feed page, the hot path without its transport.

One Snapshot, one reader view, one ``rank()``, bytes; then the Serving is offered to its queue (laws 3, 4 and 7).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from time import perf_counter_ns

import numpy as np
import orjson

from controls.scopes import Audience, SurfaceKind
from experiments.assignment import Assigner
from feed.clock import Clock
from feed.corrections.sending import Corrections
from feed.errors import CursorExpired
from feed.pages.cursor import Cursors, Session
from feed.pages.listing import items_json
from feed.pages.recording import Inputs
from feed.pages.servings import Serving, ServingQueue
from feed.readers.breaks import due, limit
from feed.readers.views import ReaderView
from ranking.page import Page
from ranking.pipeline import rank
from ranking.reader import NO_TIERS, NOTHING_SERVED, Mode, Request, Surface
from ranking.snapshot import Snapshot

SESSION_LIMIT = 500
"""Items one session can be served before its cursor ends."""

NO_ARMS: Mapping[str, str] = {}

_RELATED = SurfaceKind.RELATED


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A page asked for, already authorised. ``mode`` None takes the reader's own; ``audience`` is the effective one;
    ``minor``: somebody who may say so says that the reader is one."""

    reader: str
    surface: Surface
    limit: int
    cursor: str
    mode: Mode | None
    audience: Audience
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as bytes, with what metrics want to know of it. Times in nanoseconds."""

    body: bytes
    page: Page
    mode: Mode
    rank_ns: int
    json_ns: int


def effective_mode(view: ReaderView, asked: Mode | None, frozen: bool) -> Mode:
    """The mode a page is made in: the asked or chosen one, never PERSONALIZED after opting out."""
    if frozen:
        return Mode.EDITORIAL
    mode = asked or view.reader.settings.mode
    if mode is Mode.PERSONALIZED and not view.personalized:
        return Mode.POPULAR
    return mode


class Pages:
    """Makes pages and offers their Servings."""

    def __init__(
        self,
        cursors: Cursors,
        servings: ServingQueue,
        clock: Clock,
        corrections: Corrections,
        minor_break_minutes: int = 0,
    ) -> None:
        self._cursors = cursors
        self._servings = servings
        self._clock = clock
        self._corrections = corrections
        self._minor_break_minutes = minor_break_minutes
        self._assigner = Assigner()
        self._process = os.urandom(8).hex()
        self._numbers = count(1)
        self._seeds = Random(os.urandom(16))

    def page(self, query: PageQuery, snapshot: Snapshot, view: ReaderView) -> Answer:
        """Rank and lay down one page. Raises the cursor errors of ``feed.pages.cursor``."""
        began = perf_counter_ns()
        mode = effective_mode(view, query.mode, snapshot.governance.frozen)
        surface = f"{query.surface.kind}:{query.surface.key}"
        now = self._clock.now()
        session = Session(NOTHING_SERVED, NO_TIERS, now, now)
        if query.cursor:
            session = self._cursors.decode(query.cursor, query.reader, surface, now)
            if session.rows.size and session.rows.max() >= snapshot.catalogue.rows:
                raise CursorExpired("the cursor tells of items that are not here; leave it out to begin a session")
        served_rows, served_tiers = session.rows, session.tiers
        number = next(self._numbers)
        request = Request(
            surface=query.surface,
            audience=query.audience,
            limit=min(query.limit, max(SESSION_LIMIT - len(served_rows), 0)),
            mode=mode,
            served_rows=served_rows,
            served_tiers=served_tiers,
            seed=self._seeds.getrandbits(48) if mode is Mode.PERSONALIZED else 0,
        )
        parameters, arms = snapshot.parameters, NO_ARMS
        # Only pages that are personalized are experimented with (law 7).
        if snapshot.governance.experiments and mode is Mode.PERSONALIZED and request.surface.kind is not _RELATED:
            assigned = self._assigner.assigned(snapshot, query.reader, request.surface.kind, query.audience)
            parameters, arms = assigned.parameters, assigned.arms
        page = rank(snapshot, view.reader, request, parameters)
        ranked = perf_counter_ns()
        listed = items_json(page, snapshot, request)
        request_id = f"{now:08x}{self._process}{number:08x}"
        cursor = None
        total = len(served_rows) + len(page.rows)
        if not page.exhausted and total < SESSION_LIMIT:
            rows, tiers = page.rows, page.tiers
            if len(served_rows):
                rows, tiers = np.concatenate([served_rows, rows]), np.concatenate([served_tiers, tiers])
            cursor = self._cursors.encode(Session(rows, tiers, session.began_at, now), query.reader, surface)
        head = orjson.dumps(
            {
                "request_id": request_id,
                "mode": mode,
                "revision": snapshot.revision,
                "edition": snapshot.edition,
                "as_of": snapshot.as_of,
                "model": snapshot.model,
                "arms": arms,
            }
        )
        every = limit(view.break_minutes, self._minor_break_minutes, query.minor)
        told = due(every, session.began_at, session.issued_at, now) if every else None
        after = session.issued_at if query.cursor else 0
        cards = self._corrections.cards(
            query.reader, request_id, query.surface.kind, query.audience, after=after, now=now
        )
        tail = orjson.dumps({"corrections": cards, "break_notice": told, "cursor": cursor})
        body = b"".join((head[:-1], b',"items":', listed, b",", tail[1:]))
        self._servings.offer(
            Serving(
                request_id=request_id,
                reader_id=query.reader,
                served_at=now,
                snapshot=snapshot,
                inputs=Inputs(view.reader, request, parameters, arms),
                page=page,
                items=listed,
            )
        )
        return Answer(body, page, mode, ranked - began, perf_counter_ns() - ranked)
