"""Law 3: a thousand pages, made across decisions, editions, expiries, experiments and a model swap, are replayed byte
for byte."""

from __future__ import annotations

import numpy as np

from controls.authority import Principal
from controls.decisions import Basis, DecisionType
from controls.proposals import Proposal
from feed.pages.recording import decode
from feed.pages.replay import Replayer
from feed.storage.records import ItemRecord, ModelRecord
from ranking.graph import ItemGraph
from tests.journeys.http_service import decision, running

PAGES = 1000
KINDS = ("takedown", "suppress", "pin")
EXPERIMENTS = {100: {"weight_like": 9, "history": 2}, 300: {"fresh_every": 2}}


def test_a_thousand_pages_are_replayed_byte_for_byte(tmp_path):
    with running(tmp_path, servings_queue=2 * PAGES) as http:
        http.put_items()
        service, modes = http.service, ("personalized", "popular", "latest", "editorial")
        cursors: dict[int, str] = {}
        begun: list[str] = []
        for number in range(PAGES):
            reader = number % 17
            if number % 40 == 0:
                kind, now = KINDS[number // 40 % 3], service.clock.now()
                more = {"parameters": {"position": 1}} if kind == "pin" else {}
                body = decision(kind, f"item-{number // 40 % 24}", now, **{**more, "expires_at": now + 2})
                assert http.call("POST", "/v1/decisions", "admin", json=body).status_code in (201, 409)
                service.store.items.put_items([ItemRecord(f"late-{number}", published_at=now)]).result()
            if number % 7 == 0:
                late = f"late-{max(number // 40 - 3, 0) * 40}"
                event = {
                    "client_id": f"c{number}",
                    "reader": f"r{reader}",
                    "item": late if number % 2 else f"item-{number % 24}",
                    "kind": "like",
                }
                assert http.call("POST", "/v1/events", "events", json={"events": [event]}).status_code == 200
            if number in EXPERIMENTS:
                arms = [{"name": "usual", "share": 400}, {"name": "other", "share": 400, "sets": EXPERIMENTS[number]}]
                body = {"name": f"from-{number}", "arms": arms, "outcome": "like", "reason": "replayed"}
                body["expires_at"] = service.clock.now() + 3600
                answer = http.call("POST", "/v1/experiments", "experimenter", json=body)
                assert answer.status_code == 201, answer.text
                begun.append(answer.json()["decision"]["id"])
            if number == PAGES * 3 // 4:
                stop = {"reason": "enough"}
                answer = http.call("POST", f"/v1/experiments/{begun[0]}/stop", "experimenter", json=stop)
                assert answer.status_code == 201, answer.text
            if number == PAGES // 2:
                graph = ItemGraph.from_arrays(np.roll(np.arange(24), 1)[:, None], np.ones((24, 1)), trainer="test")
                graph.save(service.settings.models_folder / "swapped.graph")
                service.store.models.put(ModelRecord(graph.version, "test", "swapped.graph", "{}", 1)).result()
                service.decisions.decide(
                    Proposal(
                        type=DecisionType.ACTIVATE_MODEL,
                        subject=None,
                        reason="swap",
                        basis=Basis("operations", "1"),
                        parameters={"model": graph.version},
                    ),
                    Principal("owner", frozenset({"admin"}), "admin"),
                    service.clock.now(),
                ).result()
            query = {"reader": f"r{reader}", "limit": 5, "mode": modes[number % 4]}
            if number % 3 and reader in cursors:
                query["cursor"] = cursors[reader]
            page = http.call("GET", "/v1/feed", "feed", params=query).json()
            if page["cursor"]:
                cursors[reader] = page["cursor"]
            else:
                cursors.pop(reader, None)
        assert service.servings.flush()
        assert service.servings.dropped == 0
        servings = service.store.servings.newest(PAGES)
        replayed = list(Replayer(service.store, service.policies, service.graphs).replay(servings))
    assert len(replayed) == PAGES
    assert all(made.identical for made in replayed)
    assert len({made.serving.model for made in replayed}) == 2
    assert len({made.serving.edition for made in replayed}) > 2
    assert len({made.serving.revision for made in replayed}) > 10
    traces = [decode(made.serving.inputs) for made in replayed]
    assert any(trace.growth.rows.size for trace in traces)
    assert any(trace.page.drawn_from.any() for trace in traces)
    assert {len(trace.inputs.arms) for trace in traces} == {0, 1, 2}
    assert len({trace.inputs.parameters for trace in traces}) in (3, 4)  # few readers may leave one pair of arms out
