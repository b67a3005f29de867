"""A real service for measuring: a synthetic community in a folder, served with one constant route beside the others.

``python -m benchmarks.server FOLDER PORT`` serves until it is ended. The constant route is an ordinary FastAPI route
of the same application, behind the same gate, that returns prebuilt bytes of the size of a page. Another route takes
readers into memory, as if they had come before.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Response

from benchmarks.synthetic import random_graph
from controls.authority import Principal
from controls.decisions import Basis, DecisionType
from controls.proposals import Proposal
from controls.scopes import Audience
from feed.app import create_app
from feed.bootstrap import Service, open_service
from feed.pages.making import PageQuery
from feed.processes.serving import settle
from feed.settings import Settings
from feed.storage.records import EventRecord, ItemRecord, ModelRecord
from ranking.reader import EventKind, Surface

HISTORY = 50
CONSTANT = "/bench/constant"
STATES = "/bench/states"
_BATCH = 10_000
_YEAR = 365 * 86_400
_STRIDE = 7919


def settings_for(folder: Path, port: int = 0) -> Settings:
    """Settings of a measured service: no rate limit, and nothing refused because others take the processor; the rest as
    shipped."""
    return Settings(  # type: ignore[call-arg]
        home=folder, port=port, rate_personal=0, rate_service=0, shed_delay=0, lease=30, _env_file=None
    )


@contextlib.contextmanager
def environment(given: Mapping[str, str]) -> Iterator[None]:
    """Variables for the processes that are started within."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def prepare(folder: Path, *, items: int, readers: int, width: int, seed: int = 7) -> None:
    """Fill a folder: ``items`` items, a random graph ``width`` wide, ``readers`` readers with HISTORY likes."""
    rng = np.random.default_rng(seed)
    service = open_service(settings_for(folder))
    try:
        now = service.clock.now()
        for start in range(0, items, _BATCH):
            batch = [
                ItemRecord(
                    id=f"item-{number}",
                    author=f"author-{number % 5000}",
                    title=f"Item {number}",
                    topics=(f"topic-{number % 97}",),
                    published_at=now - _YEAR + number % _YEAR,
                )
                for number in range(start, min(start + _BATCH, items))
            ]
            service.store.items.put_items(batch).result()
        for start in range(0, readers, 200):
            service.store.events.append(
                [
                    EventRecord(f"reader-{reader}", f"c{n}", f"item-{item}", EventKind.LIKE, now - n, now, 0, "", 1)
                    for reader in range(start, min(start + 200, readers))
                    for n, item in enumerate(rng.integers(0, items, HISTORY))
                ]
            ).result()
        service.start()
        while service.store.journal.pending():
            service.duties.publish()
        activate_random_graph(service, items, width, rng)
    finally:
        service.close()


def activate_random_graph(service: Service, items: int, width: int, rng: np.random.Generator) -> None:
    """Let a random graph of the items serve."""
    graph, now = random_graph(items, width, rng, skewed=False), service.clock.now()
    file = f"{graph.version}.graph"
    graph.save(service.settings.models_folder / file)
    service.store.models.put(ModelRecord(graph.version, "random", file, "{}", now)).result()
    proposal = Proposal(
        type=DecisionType.ACTIVATE_MODEL,
        subject=None,
        reason="a random graph to measure with",
        basis=Basis("operations", "measurement"),
        parameters={"model": graph.version},
    )
    service.decisions.decide(proposal, Principal("benchmark", frozenset(("admin",)), "admin"), now).result()


def add_constant(app: FastAPI, size: int) -> None:
    """Add the constant route: a JSON body of about ``size`` bytes, built once."""
    body = orjson.dumps({"items": "x" * max(size - 14, 0)})

    @app.get(CONSTANT)
    async def constant() -> Response:
        return Response(body, media_type="application/json")


def add_states(app: FastAPI, service: Service) -> None:
    """Add the route that takes those at some places of :func:`frequent` into memory."""

    @app.post(STATES)
    def states(first: int, end: int, readers: int) -> int:
        wanted = [f"reader-{frequent(place, readers)}" for place in range(first, end)]
        service.readers.load_all(wanted, service.replica.latest().catalogue)
        return len(service.readers)


def frequent(place: int, readers: int) -> int:
    """The reader who comes more often than all but ``place`` others: they lie anywhere in the store."""
    return place * _STRIDE % readers


class _Server(uvicorn.Server):
    """A server that is started as one that serves in earnest."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, service: Service, size: int) -> None:
        super().__init__(config)
        self._measured = app, service, size

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, add what is measured against, settle."""
        await super().startup(sockets)
        app, service, size = self._measured
        add_constant(app, size or _page_size(service))
        settle()


def _page_size(service: Service) -> int:
    query = PageQuery("reader-0", Surface(), 30, "", None, Audience())
    with service.replica.reading() as snapshot:
        return len(service.pages.page(query, snapshot, service.readers.get(query.reader, snapshot.catalogue)).body)


def main() -> None:
    """Serve a prepared folder with the constant route."""
    folder, port, size = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    service = open_service(settings_for(folder, port))
    app = create_app(service)
    add_states(app, service)
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    _Server(config, app, service, size).run()


if __name__ == "__main__":
    main()
