"""Law 4: a request reads one immutable Snapshot, once; what a decision activates is loaded before it is appended."""

from __future__ import annotations

import numpy as np
import pytest

from controls.authority import Principal
from controls.decisions import Basis, DecisionType
from controls.errors import UnknownReference
from controls.proposals import Proposal
from controls.scopes import Audience
from feed.bootstrap import Service, open_service
from feed.settings import Settings
from feed.storage.records import ItemRecord, ModelRecord
from ranking.graph import ItemGraph
from ranking.pipeline import rank
from ranking.reader import NEW_READER, NO_TIERS, NOTHING_SERVED, Mode, Request, Surface
from tests.journeys.http_service import until

OWNER = Principal("owner", frozenset({"admin"}), "admin")


@pytest.fixture
def service(tmp_path):
    service = open_service(Settings(home=tmp_path))
    service.store.items.put_items([ItemRecord(id=f"i{n}", published_at=n + 1) for n in range(6)]).result()
    service.start()
    until(lambda: service.replica.latest().catalogue.rows == 6)
    yield service
    service.close()


def activation(version: str) -> Proposal:
    return Proposal(
        type=DecisionType.ACTIVATE_MODEL,
        subject=None,
        reason="better",
        basis=Basis("operations", "models"),
        parameters={"model": version},
    )


def saved(service: Service) -> tuple[ItemGraph, str]:
    graph = ItemGraph.from_arrays(np.array([[1], [0]]), np.array([[1.0], [0.5]]), trainer="test")
    file = f"{graph.version}.graph"
    graph.save(service.settings.models_folder / file)
    service.store.models.put(ModelRecord(graph.version, "test", file, "{}", 1)).result()
    return graph, file


def test_a_held_snapshot_gives_the_same_page_whatever_is_decided_meanwhile(service):
    request = Request(Surface(), Audience(), 6, Mode.LATEST, NOTHING_SERVED, NO_TIERS)
    with service.replica.reading() as held:
        before = rank(held, NEW_READER, request, held.parameters)
        graph, _ = saved(service)
        made = service.decisions.decide(activation(graph.version), OWNER, service.clock.now()).result()
        service.replica.wake()
        until(lambda: service.replica.latest().revision >= made.revision)
        assert service.replica.latest().model == graph.version
        assert held.model == ""
        after = rank(held, NEW_READER, request, held.parameters)
    assert before.rows.tolist() == after.rows.tolist() == [5, 4, 3, 2, 1, 0]


def test_a_model_that_is_not_there_is_never_activated(service):
    with pytest.raises(UnknownReference):
        service.decisions.decide(activation("nowhere"), OWNER, service.clock.now())
    assert service.store.ledger.head() == 0


def test_a_model_whose_file_was_tampered_with_is_never_activated(service):
    graph, file = saved(service)
    path = service.settings.models_folder / file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UnknownReference):
        service.decisions.decide(activation(graph.version), OWNER, service.clock.now())
    assert service.store.ledger.head() == 0


def test_a_policy_that_is_not_stored_is_never_published(service):
    proposal = Proposal(
        type=DecisionType.PUBLISH_POLICY,
        subject=None,
        reason="new rules",
        basis=Basis("operations", "policy"),
        parameters={"policy": "0" * 64},
    )
    second = Principal("second", frozenset(("admin",)), "admin")
    with pytest.raises(UnknownReference):
        service.decisions.decide(proposal, OWNER, service.clock.now(), approver=second)
    assert service.store.ledger.head() == 0
