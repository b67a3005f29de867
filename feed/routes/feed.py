"""GET /v1/feed and related items: the hot routes, plain ASGI endpoints with hand-read queries and prebuilt bytes.

Holds one Snapshot until the answer has been sent (laws 4 and 11). They are documented in the OpenAPI by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from time import perf_counter_ns
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from controls.scopes import AgeClass, Audience, SurfaceKind
from controls.tiers import Tier
from controls.verdicts import Source
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.errors import Fault, InputInvalid
from feed.http.sending import send_within
from feed.observing import tracing
from feed.pages.making import Answer, PageQuery
from feed.pages.visibility import require_visible
from feed.readers.audience import NOTHING_ASKED, Asked, resolve
from feed.readers.breaks import minor
from feed.readers.loading import ReaderLoading
from feed.schemas.fields import ID_RULE, LONGEST_ID, PRINTABLE, is_id
from ranking.reader import Mode, Surface
from ranking.snapshot import Snapshot

DEFAULT_LIMIT = 30
MOST = 100
"""Most items of one page."""

SEND_SECONDS = 1.0
"""A page not taken within this time is not sent: acknowledgements of decisions wait for pages under way (law 11)."""

_KEYS = frozenset(("reader", "surface", "limit", "cursor", "mode", "region", "age", "language"))
_MODES: Mapping[str, Mode] = {mode.value: mode for mode in Mode}
_AGES: Mapping[str, AgeClass] = {age.value: age for age in AgeClass}
_HOME = Surface()
_PRINTABLE = re.compile(PRINTABLE).fullmatch


class FeedEndpoint:
    """Answers GET /v1/feed."""

    def __init__(self, service: Service, loading: ReaderLoading) -> None:
        self._service = service
        metrics = service.metrics
        self._loading = loading
        self._items = {mode: metrics.page_items.labels(mode.value) for mode in Mode}
        self._sources = [metrics.candidates.labels(source.name.lower()) for source in Source]
        self._tiers = [metrics.tiers.labels(tier.word) for tier in Tier]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authorise, make the page, answer."""
        service = self._service
        began = perf_counter_ns()
        caller: Caller = scope["state"]["caller"]
        asked = read_query(scope["query_string"])
        reader = asked.reader or (caller.subject if caller.personal else "")
        caller.require_own("reader", reader, "feed")
        if not reader:
            raise InputInvalid("name a reader", faults=[Fault("reader", "is required with a service's credentials")])
        held = service.replica.snapshot()
        view = service.readers.cached(reader, held.catalogue)
        if view is None:
            view = await self._loading.view(reader, held.catalogue)
        with service.replica.reading() as snapshot:
            known = perf_counter_ns()
            audience = resolve(caller.audience, view.audience, asked.audience)
            surface = self._surface(scope, asked, snapshot, audience)
            is_minor = minor(caller.audience.age, view.audience.age, asked.audience.age)
            query = PageQuery(reader, surface, asked.limit, asked.cursor, asked.mode, audience, is_minor)
            answer = service.pages.page(query, snapshot, view)
            # Decisions no longer wait for a process that was stopped meanwhile: then this refuses.
            service.replica.snapshot()
            # A client that does not read must not hold up those who decide: what cannot be sent is dropped.
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(answer.body)),
                (b"server-timing", _timing(known - began, answer)),
            ]
            await send_within(
                SEND_SECONDS,
                send,
                {"type": "http.response.start", "status": 200, "headers": headers},
                {"type": "http.response.body", "body": answer.body},
            )
        self._count(known - began, answer)
        spans = tracing.current()
        if spans is not None:
            spans.past("reader state", began, known)
            spans.past("rank", known, known + answer.rank_ns)

    def _surface(self, scope: Scope, asked: Query, snapshot: Snapshot, audience: Audience) -> Surface:
        return asked.surface

    def _count(self, reader_ns: int, answer: Answer) -> None:
        metrics = self._service.metrics
        metrics.reader_stage.observe(reader_ns / 1e9)
        metrics.rank_stage.observe(answer.rank_ns / 1e9)
        metrics.json_stage.observe(answer.json_ns / 1e9)
        self._items[answer.mode].observe(len(answer.page.rows))
        for tally, children in ((answer.page.sources, self._sources), (answer.page.tiers, self._tiers)):
            kinds = tally.tobytes()
            for kind in set(kinds):
                children[kind].inc(kinds.count(kind))


class RelatedEndpoint(FeedEndpoint):
    """Answers GET /v1/items/{item}/related: a page of items similar to one that may be shown (law 5)."""

    def _surface(self, scope: Scope, asked: Query, snapshot: Snapshot, audience: Audience) -> Surface:
        if asked.surface is not _HOME:
            raise InputInvalid("surface is not asked of related items", faults=[Fault("surface", "is not known here")])
        item: str = scope["path_params"]["item"]
        if not is_id(item):
            raise InputInvalid(f"item is no id: {ID_RULE}", faults=[Fault("item", f"is no id: {ID_RULE}")])
        require_visible(snapshot, item, audience)
        return Surface(SurfaceKind.RELATED, item)


class Query:
    """The query of a feed request, read and bounded."""

    __slots__ = ("audience", "cursor", "limit", "mode", "reader", "surface")

    def __init__(self) -> None:
        self.reader = ""
        self.surface = _HOME
        self.limit = DEFAULT_LIMIT
        self.cursor = ""
        self.mode: Mode | None = None
        self.audience = NOTHING_ASKED


def read_query(query_string: bytes) -> Query:
    """The query; raises ``InputInvalid`` naming every field that does not hold."""
    query = Query()
    faults: list[Fault] = []
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query_string))
    except ValueError:
        raise InputInvalid("the query cannot be read", faults=[Fault("query", "is not name=value pairs")]) from None
    given = dict(pairs)
    if len(given) < len(pairs):
        named = [name for name, _ in pairs]
        faults += [Fault(name, "is given more than once; give it once") for name in given if named.count(name) > 1]
    for name in given.keys() - _KEYS:
        faults.append(Fault(name, f"is not known here; there are {', '.join(sorted(_KEYS))}"))
    query.reader = given.get("reader", "")
    if query.reader and not is_id(query.reader):
        faults.append(Fault("reader", f"is no id: {ID_RULE}"))
    query.cursor = given.get("cursor", "")
    if "limit" in given:
        text = given["limit"]
        if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST:
            query.limit = int(text)
        else:
            faults.append(Fault("limit", f"is not a whole number from 1 to {MOST}"))
    if "surface" in given:
        query.surface = _surface(given["surface"], faults)
    if "mode" in given:
        query.mode = _MODES.get(given["mode"])
        if query.mode is None:
            faults.append(Fault("mode", f"is none of {', '.join(_MODES)}"))
    if not given.keys().isdisjoint(("region", "age", "language")):
        query.audience = _audience(given, faults)
    if faults:
        raise InputInvalid("; ".join(f"{fault.field} {fault.message}" for fault in faults), faults=faults)
    return query


def _surface(text: str, faults: list[Fault]) -> Surface:
    kind, _, key = text.partition(":")
    if kind == SurfaceKind.HOME and not key:
        return _HOME
    if kind == SurfaceKind.COMMUNITY and is_id(key):
        return Surface(SurfaceKind.COMMUNITY, key)
    if kind == SurfaceKind.TOPIC and 0 < len(key) <= LONGEST_ID and _PRINTABLE(key):
        return Surface(SurfaceKind.TOPIC, key)
    faults.append(Fault("surface", "is none of home, topic:<topic>, community:<id>"))
    return _HOME


def _audience(given: Mapping[str, str], faults: list[Fault]) -> Asked:
    for name in ("region", "language"):
        word = given.get(name, "")
        if word and not (word.isascii() and word.isalpha() and len(word) <= LONGEST_ID):
            faults.append(Fault(name, "is no code of letters, such as DE or de"))
    age = given.get("age")
    if age is not None and age not in _AGES:
        faults.append(Fault("age", f"is none of {', '.join(_AGES)}"))
    return Asked(given.get("region"), _AGES.get(age) if age else None, given.get("language"))


def _timing(reader_ns: int, answer: Answer) -> bytes:
    return b"reader;dur=%.3f, rank;dur=%.3f, json;dur=%.3f" % (
        reader_ns / 1e6,
        answer.rank_ns / 1e6,
        answer.json_ns / 1e6,
    )
