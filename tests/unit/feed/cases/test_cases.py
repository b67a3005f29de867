"""Cases over HTTP: the queue, claims and leases, resolving with decisions made together, orders, reviews, capacity."""

from __future__ import annotations

import pytest

from feed.cases.reports import REPORTS
from feed.cases.upkeep import bring_forward, count_cases
from feed.storage.records import ItemRecord
from tests.unit.feed.cases.case_office import DAY, NOW, act, office

MOD = "moderator:mod"


@pytest.fixture
def desk(tmp_path):
    with office(tmp_path) as opened:
        yield opened


def opened(desk, item="i1", **more):
    body = {"kind": "review", "subject": {"kind": "item", "id": item}, "category": "check", "reason": "look at it"}
    return desk.done("POST", "/v1/cases", MOD, json=body | more)["id"]


def decisions(desk):
    return desk.store.ledger.listing(before=None, limit=100)


def test_the_queue_is_in_order_of_priority_or_deadline_page_by_page(desk):
    low = opened(desk, "i0", severity=1)
    high = opened(desk, "i1", severity=9)
    soon = desk.done(
        "POST",
        "/v1/orders",
        MOD,
        json={
            "authority": "court",
            "reference": "7",
            "ground": "law 3",
            "subject": {"kind": "item", "id": "i2"},
            "text": "take it down",
            "deadline": NOW + 60,
        },
    )["id"]
    desk.claim(low)
    assert [case["id"] for case in desk.queue()] == [*sorted((high, soon)), low]
    assert next(case["id"] for case in desk.queue(order="due")) == soon
    seen, after = [], ""
    while True:
        page = desk.done("GET", "/v1/queue", MOD, params={"limit": 1, "after": after})
        seen += [case["id"] for case in page["cases"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [case["id"] for case in desk.queue()]
    assert [case["id"] for case in desk.queue(kind="order")] == [soon]
    assert [case["id"] for case in desk.queue(state="claimed")] == [low]
    desk.refused(422, "input-invalid", "GET", "/v1/queue?after=x", MOD)


def test_pages_of_one_kind_are_full_and_miss_nothing(desk, monkeypatch):
    monkeypatch.setattr("feed.routes.queue._PAGE", 3)
    wanted = set()
    for number in range(12):
        kind = "inspection" if number % 3 else "review"
        case = opened(desk, "i1", kind=kind, category=f"c{number}", severity=1 + number % 5)
        wanted |= {case} if kind == "review" else set()
    seen, sizes = [], []
    after: str | None = ""
    while after is not None:
        page = desk.done("GET", "/v1/queue", MOD, params={"limit": 2, "kind": "review", "after": after})
        seen += [case["id"] for case in page["cases"]]
        sizes.append(len(page["cases"]))
        after = page["next"]
    assert sorted(seen) == sorted(wanted)
    assert sizes == [2, 2]


def test_what_is_overdue_is_flagged_and_counted(desk):
    case = opened(desk)
    assert not desk.queue()[0]["overdue"]
    assert desk.queue(overdue=True) == []
    desk.clock.advance(72 * 3600 + 1)
    assert [(one["id"], one["overdue"]) for one in desk.queue(overdue=True)] == [(case, True)]
    desk.client.portal.call(count_cases, desk.service)
    told = desk.call("GET", "/metrics").text
    assert 'weir_cases{kind="review"} 1.0' in told
    assert 'weir_cases_overdue{kind="review"} 1.0' in told
    assert f'weir_cases_oldest_seconds{{kind="review"}} {72 * 3600 + 1:.1f}' in told
    desk.resolve(case, outcome="no_action")
    late = 'weir_cases_resolved_total{in_time="no",kind="review",outcome="no_action"} 1.0'
    assert late in desk.call("GET", "/metrics").text


def test_a_claim_holds_for_its_lease_and_no_longer(desk):
    case = opened(desk)
    first = desk.claim(case, "ann")
    assert (first["state"], first["holder"], first["lease_until"]) == ("claimed", "ann", NOW + 1800)
    told = desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/claim", "moderator:bob")
    assert str(NOW + 1800) in told
    desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/release", "moderator:bob")
    desk.clock.advance(1800)
    assert desk.queue()[0]["state"] == "open"
    assert desk.claim(case, "bob")["holder"] == "bob"
    body = {"outcome": "no_action", "answer": "late"}
    desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/resolve", "moderator:ann", json=body)


def test_setting_the_clock_back_neither_breaks_nor_lengthens_a_claim(desk):
    case = opened(desk)
    desk.claim(case, "ann")
    desk.clock.set_back(10 * DAY)
    desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/claim", "moderator:bob")
    again = desk.claim(case, "ann")
    assert again["lease_until"] == NOW + 1800
    done = desk.resolve(case, "ann", outcome="no_action")
    assert done["resolved_at"] == NOW


def test_an_escalated_case_is_taken_on_by_somebody_else(desk):
    case = opened(desk)
    desk.claim(case, "ann")
    desk.refused(422, "input-invalid", "POST", f"/v1/cases/{case}/escalate", "moderator:ann", json={"note": " "})
    body = {"note": "needs a lawyer"}
    told = desk.done("POST", f"/v1/cases/{case}/escalate", "moderator:ann", json=body)
    assert (told["state"], told["note"], told["escalated_by"]) == ("escalated", "needs a lawyer", "ann")
    desk.refused(403, "not-allowed", "POST", f"/v1/cases/{case}/claim", "moderator:ann")
    desk.claim(case, "bob")
    assert desk.done("POST", f"/v1/cases/{case}/release", "moderator:bob")["state"] == "escalated"


def test_a_version_that_is_not_the_stored_one_is_refused(desk):
    case = opened(desk)
    answer = desk.call("GET", f"/v1/cases/{case}", MOD)
    assert answer.headers["etag"] == '"1"'
    desk.report("i1")
    desk.refused(412, "case-changed", "POST", f"/v1/cases/{case}/claim", MOD, headers={"If-Match": '"2"'})
    assert desk.done("POST", f"/v1/cases/{case}/claim", MOD, headers={"If-Match": '"1"'})["version"] == 2


def test_reports_and_priorities_leave_the_version_alone(desk):
    desk.report("i1")
    case = desk.queue()[0]["id"]
    version = desk.claim(case)["version"]
    desk.report("i1", by="r2", category="danger")
    desk.exposures("i1", 5)
    desk.client.portal.call(bring_forward, desk.service)
    shown = desk.done("GET", f"/v1/cases/{case}", MOD)["case"]
    assert (shown["version"], shown["reports"], shown["priority"]) == (version, 2, 10 * 6 * 556 // 1000)


def test_exposures_of_copies_count_as_reach_of_the_item_itself(desk):
    words = "The town council voted on Tuesday to close the old bridge to cars from next spring for its many cracks"
    both = [ItemRecord(id, "a1", "Bridge", text=words) for id in ("i1", "i3")]
    desk.service.families.take(both, NOW)
    desk.exposures("i1", 2)
    desk.exposures("i3", 3)
    low = opened(desk, "i1", severity=1)
    assert desk.done("GET", f"/v1/cases/{low}", MOD)["case"]["priority"] == 6
    desk.clock.advance(1)
    desk.exposures("i3", 4)
    desk.client.portal.call(bring_forward, desk.service)
    assert desk.done("GET", f"/v1/cases/{low}", MOD)["case"]["priority"] == 10


def test_a_case_ends_with_its_decisions_made_together(desk):
    desk.report("i1")
    case = desk.queue()[0]["id"]
    made = [act("takedown"), act("suppress", "i3")]
    ended = desk.resolve(case, outcome="acted", decisions=made)
    assert (ended["state"], ended["resolved_by"], len(ended["decisions"])) == ("resolved", "mod", 2)
    found = decisions(desk)
    assert [decision.id for decision in reversed(found)] == ended["decisions"]
    assert {decision.evidence for decision in found} == {(f"case:{case}",)}
    assert desk.done("GET", "/v1/items/i1/verdict", MOD)["tier"] == "blocked"
    assert desk.queue() == []
    body = {"outcome": "no_action", "answer": "no"}
    desk.refused(409, "case-resolved", "POST", f"/v1/cases/{case}/resolve", MOD, json=body)


def test_nothing_is_decided_twice_in_one_case(desk):
    made = desk.done("POST", "/v1/decisions", MOD, json=act("suppress", "i3"))["decision"]["id"]
    reversal = {"type": "reverse", "reverses": made, "reason": "r", "basis": act("pin")["basis"]}
    case = opened(desk)
    desk.claim(case)
    author = act("takedown") | {"subject": {"kind": "author", "id": "a1"}}
    for twice in (act("takedown"), reversal, author):
        again = twice | {"reason": "once more"}
        body = {"outcome": "acted", "answer": "a", "decisions": [twice, act("suppress", "i2"), again]}
        told = desk.refused(422, "invalid-decision", "POST", f"/v1/cases/{case}/resolve", MOD, json=body)
        assert "as 0 and as 2" in told
    assert len(decisions(desk)) == 1
    body["decisions"] = [act("takedown"), act("suppress"), reversal]
    assert len(desk.done("POST", f"/v1/cases/{case}/resolve", MOD, json=body)["decisions"]) == 3


def test_when_one_decision_is_refused_none_is_made_and_the_case_stays(desk):
    case = opened(desk)
    desk.claim(case)
    wrong = act("takedown", expires_at=None)
    body = {"outcome": "acted", "answer": "a", "decisions": [act("takedown", "i2"), wrong]}
    desk.refused(422, "invalid-decision", "POST", f"/v1/cases/{case}/resolve", MOD, json=body)
    foreign = [act("pin", parameters={"position": 0})]
    desk.refused(403, "not-allowed", "POST", f"/v1/cases/{case}/resolve", MOD, json=body | {"decisions": foreign})
    assert decisions(desk) == []
    assert desk.queue()[0]["state"] == "claimed"


def test_a_retry_after_a_crash_between_deciding_and_ending_decides_nothing_twice(desk, monkeypatch):
    case = opened(desk)
    desk.claim(case)
    body = {"outcome": "acted", "answer": "a", "decisions": [act("takedown")]}

    async def crash(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("feed.cases.resolving.changed", crash)
        assert desk.call("POST", f"/v1/cases/{case}/resolve", MOD, json=body).status_code == 500
    assert len(decisions(desk)) == 1
    assert desk.queue()[0]["state"] == "claimed"
    other = body | {"decisions": [act("takedown", "i2")]}
    desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/resolve", MOD, json=other)
    desk.clock.advance(1800)
    desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/resolve", MOD, json=body)
    desk.claim(case)
    ended = desk.done("POST", f"/v1/cases/{case}/resolve", MOD, json=body)
    assert ended["decisions"] == [decision.id for decision in decisions(desk)]
    assert desk.done("POST", f"/v1/cases/{case}/resolve", MOD, json=body) == ended
    assert len(decisions(desk)) == 1


def test_an_act_may_reach_the_copies_of_an_item(desk, monkeypatch):
    monkeypatch.setattr(type(desk.service.families), "members", lambda self, item: (item, "i3"))
    ended = desk.resolve(opened(desk), outcome="acted", decisions=[act("takedown", copies=True)])
    assert len(ended["decisions"]) == 2
    for item in ("i1", "i3"):
        assert desk.done("GET", f"/v1/items/{item}/verdict", MOD)["tier"] == "blocked"


def test_reports_that_a_crash_left_untold_are_told_by_upkeep(desk, monkeypatch):
    receipt = desk.report("i1")["id"]
    case = desk.queue()[0]["id"]
    desk.claim(case)
    with monkeypatch.context() as patched:
        patched.setattr("feed.cases.outcomes.settle", lambda *_: 1 / 0)
        body = {"outcome": "no_action", "answer": "fine"}
        assert desk.call("POST", f"/v1/cases/{case}/resolve", MOD, json=body).status_code == 500
    assert desk.done("GET", f"/v1/reports/{receipt}")["outcome"] == "no_action"
    assert desk.store.register(REPORTS).get(receipt).state == "received"
    desk.client.portal.call(bring_forward, desk.service)
    assert desk.store.register(REPORTS).get(receipt).state == "dismissed"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"outcome": "acted"}, "decisions"),
        ({"outcome": "no_action", "decisions": [act("takedown")]}, "decisions"),
        ({"outcome": "upheld", "decisions": [act("takedown")]}, "outcome"),
        ({"outcome": "acted", "made": ["none"]}, "made"),
    ],
)
def test_an_outcome_that_does_not_fit_the_case_is_refused(desk, body, field):
    case = opened(desk)
    desk.claim(case)
    answer = desk.call("POST", f"/v1/cases/{case}/resolve", MOD, json={"answer": "a"} | body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert decisions(desk) == []


def test_a_case_may_end_with_decisions_that_were_made_elsewhere(desk):
    case = opened(desk)
    made = desk.done("POST", "/v1/decisions", MOD, json=act("takedown"))["decision"]["id"]
    assert desk.resolve(case, outcome="acted", made=[made])["decisions"] == [made]


def test_an_order_has_its_own_deadline_and_gets_an_answer(desk):
    body = {
        "authority": "court",
        "reference": "7",
        "ground": "law 3",
        "territory": ["DE", "FR"],
        "subject": {"kind": "item", "id": "i1"},
        "text": "take it down",
        "deadline": NOW + 600,
    }
    order = desk.done("POST", "/v1/orders", MOD, json=body)
    assert (order["kind"], order["due_at"], order["severity"]) == ("order", NOW + 600, 9)
    assert order["about"] == {"authority": "court", "reference": "7", "ground": "law 3", "territory": "DE,FR"}
    assert desk.done("POST", "/v1/orders", MOD, json=body)["id"] == order["id"]
    desk.refused(422, "invalid-case", "POST", "/v1/orders", MOD, json=body | {"reference": "8", "deadline": NOW})
    desk.resolve(order["id"], outcome="acted", answer="done today", decisions=[act("takedown")])
    detail = desk.done("GET", f"/v1/cases/{order['id']}", "auditor:aud")
    assert detail["case"]["answer"] == "done today"
    assert len(detail["decided_since"]) == 1


def test_a_repeated_request_is_done_once(desk):
    key = {"Idempotency-Key": "k"}
    case = opened(desk)
    first = desk.done("POST", f"/v1/cases/{case}/claim", MOD, headers=key)
    assert desk.done("POST", f"/v1/cases/{case}/claim", MOD, headers=key) == first
    body = {"note": "n"}
    escalated = desk.done("POST", f"/v1/cases/{case}/escalate", MOD, json=body, headers={"Idempotency-Key": "e"})
    again = desk.done("POST", f"/v1/cases/{case}/escalate", MOD, json=body, headers={"Idempotency-Key": "e"})
    assert again == escalated


def test_nobody_finds_a_case_that_is_none(desk):
    for path in ("/v1/cases/none/claim", "/v1/cases/none/release"):
        desk.refused(404, "not-found", "POST", path, MOD)
    desk.refused(404, "not-found", "GET", "/v1/cases/none", MOD)


def test_capacity_sets_hours_needed_against_hours_there(tmp_path):
    with office(tmp_path, review_hours=1.0) as desk:
        opened(desk)
        opened(desk, "i2")
        found = desk.done("GET", "/v1/capacity", MOD)
        review = next(load for load in found["loads"] if load["kind"] == "review")
        assert (review["per_day"], review["minutes"], review["measured"], review["waiting"]) == (2.0, 15.0, False, 2)
        assert (found["needed"], found["waiting"], found["there"], found["share"]) == (0.5, 0.5, 1.0, 0.5)
        assert found["clears_in"] == 1.0
