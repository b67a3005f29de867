"""A real server whose model is replaced, by people and by itself, while pages are asked for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from experiments.slices import LEAST_READERS
from feed.clock import SystemClock
from feed.models.files import save
from feed.models.retraining_lock import alone
from feed.settings import Settings
from tests.journeys.http_service import ITEMS, until
from tests.journeys.killable_server import Client, served
from tests.unit.feed.models.model_making import shifted

pytestmark = [pytest.mark.journey, pytest.mark.slow]

GROUPS = 4
READERS = 2 * LEAST_READERS


class Asking:
    """Asks for pages of one reader, one after the other, and keeps what was answered."""

    def __init__(self, client: Client, reader: str) -> None:
        self.statuses: set[int] = set()
        self.models: list[str] = []
        self._url, self._path = str(client.base_url), f"/v1/feed?reader={reader}&limit=10"
        self._headers = {"Authorization": f"Bearer {client.token('app', 'feed')}"}
        self._enough = threading.Event()

    def __call__(self) -> None:
        with httpx.Client(base_url=self._url, headers=self._headers, timeout=30, trust_env=False) as http:
            while not self._enough.is_set():
                answer = http.get(self._path)
                self.statuses.add(answer.status_code)
                page = answer.json()
                if not self.models or self.models[-1] != page["model"]:
                    self.models.append(page["model"])
                assert len(page["items"]) == 10, page
                # Leaves some of the machine to the training that it watches.
                self._enough.wait(0.005)

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        thread = threading.Thread(target=self)
        thread.start()
        try:
            yield
        finally:
            self._enough.set()
            thread.join(30)


def put_items(client: Client) -> None:
    lines = [orjson.dumps({"id": f"item-{number}", "published_at": 1_700_000_000}) for number in range(ITEMS)]
    media = {"Content-Type": "application/x-ndjson"}
    assert client.post("/v1/items/import", content=b"\n".join(lines), headers=media).status_code == 200
    until(lambda: len(client.get("/v1/feed?reader=r&limit=20").json()["items"]) == 20, 30)


def like(client: Client, at: int, when: int) -> None:
    """Every reader likes, at a second, the item of their group that is ``at`` in turn."""
    of_group = ITEMS // GROUPS
    events = [
        {
            "client_id": f"c{at}",
            "reader": f"reader-{reader}",
            "item": f"item-{reader % GROUPS * of_group + (reader + at) % of_group}",
            "kind": "like",
            "occurred_at": when,
        }
        for reader in range(READERS)
    ]
    assert client.post("/v1/events", json={"events": events}).json()["accepted"] == READERS


def test_pages_go_on_while_people_swap_models_and_the_server_trains_a_better_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_RETRAIN_EVERY", "3s")
    monkeypatch.setenv("WEIR_RETRAIN_MODEL", "neighbours")
    monkeypatch.setenv("WEIR_RETRAIN_SLICE", "0.5")
    settings = Settings(home=tmp_path)
    now = SystemClock().now()
    with served(tmp_path) as (client, server):
        put_items(client)
        asking, versions = Asking(client, "reader-1"), []
        with asking.meanwhile():
            for shift in range(1, 6):
                graph = shifted(shift, created_at=now)
                save(graph, settings.models_folder)
                answer = client.post(f"/v1/models/{graph.version}/activate", json={"reason": "a swap"})
                assert answer.status_code == 201, answer.text
                versions.append(graph.version)
                # An answered activation is obeyed: whoever asks from now on is served by it.
                assert client.get("/v1/feed?reader=reader-2").json()["model"] == graph.version
                until(lambda: asking.models[-1:] == versions[-1:])
            why = {"reason": "back", "basis": {"kind": "operations", "clause": "1"}}
            undone = client.post(f"/v1/decisions/{answer.json()['decision']['id']}/reverse", json=why)
            assert undone.status_code == 201
            versions.append(versions[-2])
            until(lambda: asking.models[-1] == versions[-1])
            for at in range(4):
                like(client, at, now - 100 + at)
            like(client, 4, now + 1)
            until(lambda: client.get("/v1/models").json()["active"] not in versions, 200)
            told = client.get("/v1/models").json()
            until(lambda: asking.models[-1] == told["active"])
        # No request failed, and none was answered by a model after its successor.
        assert asking.statuses == {200}
        assert asking.models in (["", *versions, told["active"]], [*versions, told["active"]])
        (trained,) = [model for model in told["models"] if model["active"]]
        assert trained["trainer"] == "neighbours"
        assert trained["shadow"]["readers"] >= LEAST_READERS
        assert trained["shadow"]["candidate"] >= trained["shadow"]["active"]
        (term,) = trained["terms"]
        assert (term["actor"], term["role"]) == ("weir", "weir")
        assert "ndcg@20" in term["evidence"][0]
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
        with alone(settings):  # no child of the server is left at work
            pass
