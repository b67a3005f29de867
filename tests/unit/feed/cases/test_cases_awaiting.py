"""A case that ends with an act of high impact waits for a second person, whatever is cut off in between."""

from __future__ import annotations

import pytest

from controls.stating import day_of
from feed.cases.papers import found_case
from feed.decisions.lapsing import KEPT_DAYS, look_at_proposals
from feed.decisions.pending_papers import ATTEMPT_SECONDS, LAPSED, PENDING, edited, found, paper_of, pending_of
from feed.storage.answers import durable
from feed.transparency.reports import Tallies
from tests.unit.feed.cases.case_office import BASIS, DAY, NOW, act, office

MOD = "moderator:mod"
MAX = "moderator:max"
TAKEDOWN = act("takedown") | {"subject": {"kind": "author", "id": "a1"}}


@pytest.fixture
def desk(tmp_path):
    with office(tmp_path) as opened:
        yield opened


def asked(desk, **more):
    """A case of a report that its holder ends with what needs a second person; the body, and the answer."""
    receipt = desk.report("i1")["id"]
    case = desk.queue()[0]["id"]
    desk.claim(case)
    body = {"outcome": "acted", "answer": "the author is gone", "decisions": [TAKEDOWN, act("suppress", "i2")]} | more
    answer = desk.call("POST", f"/v1/cases/{case}/resolve", MOD, json=body)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/decisions/pending/{answer.json()['proposal']}"
    return receipt, body, answer.json()


def read(desk, case):
    return desk.done("GET", f"/v1/cases/{case}", MOD)["case"]


def upkeep(desk):
    desk.client.portal.call(look_at_proposals, desk.service)


def head(desk):
    return desk.store.ledger.head()


def test_a_case_waits_for_the_second_person_whose_approval_decides_and_ends_it(desk):
    receipt, body, told = asked(desk)
    case, proposal = told["id"], told["proposal"]
    assert (told["state"], head(desk)) == ("awaiting_approval", 0)
    assert [(one["id"], one["state"]) for one in desk.queue()] == [(case, "awaiting_approval")]
    assert desk.done("GET", f"/v1/reports/{receipt}")["state"] == "in_review"
    pending = desk.done("GET", f"/v1/decisions/pending/{proposal}", "auditor:aud")
    assert (pending["case"], len(pending["proposals"])) == (case, 2)
    assert desk.done("POST", f"/v1/cases/{case}/resolve", MOD, json=body) == told
    words = desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/claim", MAX)
    assert proposal in words
    otherwise = {"outcome": "no_action", "answer": "fine"}
    assert proposal in desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/resolve", MOD, json=otherwise)
    desk.refused(403, "needs-approval", "POST", f"/v1/decisions/{proposal}/approve", MOD)
    assert read(desk, case)["state"] == "awaiting_approval"
    made = desk.done("POST", f"/v1/decisions/{proposal}/approve", MAX)
    ended = read(desk, case)
    assert (ended["state"], ended["outcome"], ended["resolved_by"]) == ("resolved", "acted", "mod")
    assert ended["decisions"] == [one["id"] for one in made["decisions"]] and head(desk) == 2
    assert all(f"case:{case}" in one["evidence"] and one["approved_by"] == "max" for one in made["decisions"])
    assert desk.done("GET", f"/v1/reports/{receipt}")["outcome"] == "acted"
    assert desk.done("POST", f"/v1/cases/{case}/resolve", MOD, json=body)["state"] == "resolved"
    desk.done("POST", f"/v1/decisions/{proposal}/approve", MAX)
    assert head(desk) == 2
    assert (
        'weir_cases_resolved_total{in_time="yes",kind="report",outcome="acted"} 1.0'
        in desk.call("GET", "/metrics").text
    )


def test_declined_the_case_is_open_again_and_can_be_ended_otherwise(desk):
    _, body, told = asked(desk)
    case, proposal = told["id"], told["proposal"]
    desk.done("POST", f"/v1/decisions/{proposal}/decline", MAX, json={"reason": "too wide"})
    again = read(desk, case)
    assert (again["state"], again["proposal"]) == ("open", "") and "too wide" in again["note"]
    desk.refused(410, "gone", "POST", f"/v1/decisions/{proposal}/approve", "moderator:mia")
    desk.claim(case)
    other = desk.done("POST", f"/v1/cases/{case}/resolve", MOD, json=body)
    assert other["proposal"] != proposal
    desk.done("POST", f"/v1/decisions/{other['proposal']}/approve", MAX)
    assert read(desk, case)["state"] == "resolved"


def test_what_nobody_approved_in_time_opens_the_case_and_is_kept_and_counted(desk):
    _, _, told = asked(desk)
    desk.clock.advance(72 * 3600)
    upkeep(desk)
    assert read(desk, told["id"])["state"] == "open"
    over = desk.done("GET", f"/v1/decisions/pending/{told['proposal']}", "auditor:aud")
    assert over["state"] == "expired" and "in time" in over["lapsed"]
    listed = desk.done("GET", "/v1/decisions/pending", "auditor:aud", params={"state": "expired"})["pending"]
    assert [one["id"] for one in listed] == [told["proposal"]]
    assert desk.done("GET", "/v1/decisions/pending", "auditor:aud")["pending"] == []
    desk.clock.advance((KEPT_DAYS + 1) * DAY)
    upkeep(desk)
    assert pending_of(desk.store).count() == 0
    (record,) = desk.store.register(LAPSED).find()
    assert (record.state, record.at) == ("expired", NOW)
    assert '"takedown"' in record.content and "mod" not in record.content
    day = day_of(NOW)
    report = Tallies(desk.store, desk.clock.monotonic).report(day, day)
    assert report.decisions["proposals_not_approved"] == {"expired": 1}


def test_a_declined_proposal_is_counted_and_goes_after_a_while(desk):
    _, _, told = asked(desk)
    desk.done("POST", f"/v1/decisions/{told['proposal']}/decline", MAX, json={"reason": "too wide"})
    upkeep(desk)
    assert [record.state for record in desk.store.register(LAPSED).find()] == ["declined"]
    desk.clock.advance((KEPT_DAYS + 4) * DAY)
    upkeep(desk)
    assert pending_of(desk.store).count() == 0


@pytest.mark.parametrize(
    "step", ["feed.cases.resolving.put_case_by", "feed.decisions.pending.finish_case", "feed.decisions.pending.durable"]
)
def test_wherever_it_is_cut_off_the_case_ends_with_the_decisions_that_were_made(desk, monkeypatch, step):
    async def killed(*_):
        raise RuntimeError("killed")

    desk.report("i1")
    case = desk.queue()[0]["id"]
    desk.claim(case)
    body = {"outcome": "acted", "answer": "gone", "decisions": [TAKEDOWN]}
    resolve = ("POST", f"/v1/cases/{case}/resolve", MOD)
    if step == "feed.cases.resolving.put_case_by":
        with monkeypatch.context() as patched:
            patched.setattr(step, killed)
            assert desk.call(*resolve, json=body).status_code == 500
        assert read(desk, case)["state"] == "claimed"
        desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/release", MOD)
        desk.clock.advance(ATTEMPT_SECONDS)
        upkeep(desk)
        assert read(desk, case)["state"] == "awaiting_approval"
        desk.done("POST", f"/v1/decisions/{read(desk, case)['proposal']}/approve", MAX)
    else:
        proposal = desk.call(*resolve, json=body).json()["proposal"]
        with monkeypatch.context() as patched:
            if step.endswith("durable"):
                calls = []

                async def second_time(future):
                    calls.append(future)
                    if len(calls) > 1:
                        raise RuntimeError("killed")
                    return await durable(future)

                patched.setattr(step, second_time)
            else:
                patched.setattr(step, killed)
            assert desk.call("POST", f"/v1/decisions/{proposal}/approve", MAX).status_code == 500
        upkeep(desk)
    ended = read(desk, case)
    assert (ended["state"], len(ended["decisions"]), head(desk)) == ("resolved", 1, 1)
    assert pending_of(desk.store).count(state=PENDING) == 0
    assert desk.done(*resolve, json=body)["state"] == "resolved"


def test_a_proposal_that_its_case_went_on_without_ends_nothing(desk, monkeypatch):
    async def killed(*_):
        raise RuntimeError("killed")

    desk.report("i1")
    case = desk.queue()[0]["id"]
    desk.claim(case)
    body = {"outcome": "acted", "answer": "gone", "decisions": [TAKEDOWN]}
    with monkeypatch.context() as patched:
        patched.setattr("feed.cases.resolving.put_case_by", killed)
        assert desk.call("POST", f"/v1/cases/{case}/resolve", MOD, json=body).status_code == 500
    (entry,) = pending_of(desk.store).find()
    desk.clock.advance(1800)
    desk.claim(case, "max")
    desk.refused(410, "gone", "POST", f"/v1/decisions/{entry.id}/approve", "moderator:mia")
    upkeep(desk)
    assert desk.done("GET", f"/v1/decisions/pending/{entry.id}", "auditor:aud")["state"] == "expired"
    assert [record.state for record in desk.store.register(LAPSED).find()] == ["overtaken"]
    assert (read(desk, case)["holder"], head(desk)) == ("max", 0)


def test_the_erasure_of_its_proposer_opens_the_case_again(desk):
    _, _, told = asked(desk)
    desk.store.readers.erase("mod", NOW).result()
    upkeep(desk)
    assert read(desk, told["id"])["state"] == "open"


def test_whoever_decided_first_does_not_approve_what_the_appeal_ends_with(desk):
    made = desk.done("POST", "/v1/decisions", "moderator:max", json=act("takedown"))["decision"]["id"]
    appeal = desk.done("POST", "/v1/appeals", "author:a1", json={"decision": made, "text": "no"})["id"]
    desk.claim(appeal)
    body = {"outcome": "upheld", "answer": "it was somebody else", "decisions": [TAKEDOWN]}
    proposal = desk.call("POST", f"/v1/cases/{appeal}/resolve", MOD, json=body).json()["proposal"]
    desk.refused(403, "same-decider", "POST", f"/v1/decisions/{proposal}/approve", MAX)
    ended = desk.done("POST", f"/v1/decisions/{proposal}/approve", "moderator:mia")
    assert [one["type"] for one in ended["decisions"]] == ["reverse", "takedown"]
    assert desk.done("GET", f"/v1/appeals/{appeal}", "author:a1")["outcome"] == "upheld"


def test_an_attempt_that_a_crash_cut_off_keeps_nobody_from_declining(desk):
    told = desk.done("POST", "/v1/decisions", MOD, json=TAKEDOWN)
    mark = f"{NOW}.cut-off"

    def marked(paper):
        return type(paper)(paper.proposer, paper.proposals, paper.together, paper.digest, approving=(mark,))

    pending_of(desk.store).edit([told["id"]], lambda stored: edited(marked, stored)).result()
    desk.refused(410, "gone", "POST", f"/v1/decisions/{told['id']}/decline", MAX, json={"reason": "no"})
    desk.clock.advance(ATTEMPT_SECONDS)
    upkeep(desk)
    assert paper_of(found(desk.store, told["id"])).approving == ()
    desk.done("POST", f"/v1/decisions/{told['id']}/decline", MAX, json={"reason": "no"})


def test_an_ending_that_was_cut_off_before_it_decided_leaves_the_case_to_another_request(desk, monkeypatch):
    async def crash(*_):
        raise RuntimeError("killed")

    desk.report("i1")
    case = desk.queue()[0]["id"]
    desk.claim(case)
    body = {"outcome": "no_action", "answer": "fine"}
    with monkeypatch.context() as patched:
        patched.setattr("feed.cases.resolving.changed", crash)
        assert desk.call("POST", f"/v1/cases/{case}/resolve", MOD, json=body).status_code == 500
    other = body | {"answer": "quite fine"}
    desk.refused(409, "case-held", "POST", f"/v1/cases/{case}/resolve", MOD, json=other)
    desk.clock.advance(ATTEMPT_SECONDS)
    upkeep(desk)
    assert desk.done("POST", f"/v1/cases/{case}/resolve", MOD, json=other)["answer"] == "quite fine"


def test_an_ending_that_was_cut_off_after_it_decided_is_finished(desk, monkeypatch):
    async def crash(*_):
        raise RuntimeError("killed")

    receipt = desk.report("i1")["id"]
    case = desk.queue()[0]["id"]
    desk.claim(case)
    body = {"outcome": "acted", "answer": "gone", "decisions": [act("takedown")]}
    with monkeypatch.context() as patched:
        patched.setattr("feed.cases.resolving.changed", crash)
        assert desk.call("POST", f"/v1/cases/{case}/resolve", MOD, json=body).status_code == 500
    desk.clock.advance(DAY)
    upkeep(desk)
    assert found_case(desk.store, case)[0].resolved_by == "mod"
    assert desk.done("GET", f"/v1/reports/{receipt}")["outcome"] == "acted"
    assert desk.done("POST", f"/v1/cases/{case}/resolve", MOD, json=body)["answer"] == "gone" and head(desk) == 1


def test_one_idempotency_key_has_one_meaning(desk):
    key = {"Idempotency-Key": "k"}
    small = act("takedown")
    desk.done("POST", "/v1/decisions", MOD, json=small, headers=key)
    desk.refused(409, "idempotency-conflict", "POST", "/v1/decisions", MOD, json=TAKEDOWN, headers=key)
    assert pending_of(desk.store).count() == 0
    key = {"Idempotency-Key": "l"}
    desk.done("POST", "/v1/decisions", MOD, json=TAKEDOWN, headers=key)
    desk.refused(409, "idempotency-conflict", "POST", "/v1/decisions", MOD, json=small, headers=key)
    undo = {"reason": "no", "basis": BASIS}
    path = f"/v1/decisions/{desk.store.ledger.since(0)[0].id}/reverse"
    desk.refused(409, "idempotency-conflict", "POST", path, MOD, json=undo, headers=key)
    assert head(desk) == 1
