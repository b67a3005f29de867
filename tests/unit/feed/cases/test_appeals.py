"""Appeals over HTTP: who may, until when, decided by whom, and what comes back when one is upheld."""

from __future__ import annotations

import orjson
import pytest

from controls.communities import prefix_of
from controls.decisions import DecisionType, Subject, SubjectKind
from controls.proposals import Proposal
from feed.cases.appeals import to_undo
from feed.cases.breaker import ACTOR
from feed.cases.reports import REPORTS, WORDS
from feed.cases.resolving import BASIS
from feed.decisions.deciding import decide
from feed.storage.register import Entry
from tests.unit.feed.cases.case_office import DAY, NOW, act, office

MOD = "moderator:mod"
STRIKE = {
    "type": "strike",
    "subject": {"kind": "author", "id": "a1"},
    "parameters": {"points": 20},
    "reason": "second rumour",
    "basis": {"kind": "terms", "clause": "4.2"},
    "expires_at": NOW + 90 * DAY,
}


@pytest.fixture
def desk(tmp_path):
    with office(tmp_path) as opened:
        yield opened


def taken_down(desk, decisions=(), by="mod"):
    """Ids of the decisions by which a reported item of author a1 was taken down."""
    desk.report("i1")
    ended = desk.resolve(desk.queue()[0]["id"], by, outcome="acted", decisions=[act("takedown"), *decisions])
    return ended["decisions"]


def appeal(desk, who="author:a1", **named):
    return desk.done("POST", "/v1/appeals", who, json={"text": "it was true"} | named)


def verdict(desk, item="i1"):
    return desk.done("GET", f"/v1/items/{item}/verdict", MOD)["tier"]


def test_an_appeal_that_is_upheld_by_another_person_restores_reach_and_strike(desk):
    takedown, strike = taken_down(desk, [STRIKE])
    assert verdict(desk) == "blocked"
    filed = appeal(desk, decision=takedown)
    assert (filed["state"], filed["due_at"]) == ("received", NOW + 7 * DAY)
    ended = desk.resolve(filed["id"], "eve", outcome="upheld", answer="it was true")
    assert len(ended["decisions"]) == 2
    undone = {desk.store.ledger.by_id(id).reverses for id in ended["decisions"]}
    assert undone == {takedown, strike}
    assert verdict(desk) != "blocked"
    told = desk.done("GET", f"/v1/appeals/{filed['id']}")
    assert (told["state"], told["outcome"], told["answer"]) == ("decided", "upheld", "it was true")


def test_a_retry_of_an_appeal_after_a_crash_reverses_nothing_twice(desk, monkeypatch):
    (takedown,) = taken_down(desk)
    filed = appeal(desk, decision=takedown)["id"]
    desk.claim(filed, "eve")
    body = {"outcome": "upheld", "answer": "it was true"}

    async def crash(*_):
        raise RuntimeError("killed")

    path = f"/v1/cases/{filed}/resolve"
    with monkeypatch.context() as patched:
        patched.setattr("feed.cases.resolving.changed", crash)
        assert desk.call("POST", path, "moderator:eve", json=body).status_code == 500
    assert verdict(desk) != "blocked"
    ended = desk.done("POST", path, "moderator:eve", json=body)
    assert [desk.store.ledger.by_id(id).reverses for id in ended["decisions"]] == [takedown]


def test_an_upheld_appeal_gives_back_the_copies_too(desk, monkeypatch):
    monkeypatch.setattr(type(desk.service.families), "members", lambda self, item: (item, "i3"))
    body = act("takedown", copies=True)
    together = desk.done("POST", "/v1/decisions", MOD, json=body)["decisions"]
    assert verdict(desk, "i3") == "blocked"
    desk.resolve(appeal(desk, decision=together[0]["id"])["id"], "eve", outcome="upheld")
    assert verdict(desk, "i3") != "blocked"


def test_a_dismissed_appeal_leaves_the_decision_and_cannot_be_made_again(desk):
    (takedown,) = taken_down(desk)
    filed = appeal(desk, decision=takedown)
    body = {"decision": takedown, "text": "once more"}
    again = desk.call("POST", "/v1/appeals", "author:a1", json=body)
    assert (again.status_code, again.json()["id"]) == (200, filed["id"])
    desk.resolve(filed["id"], "eve", outcome="dismissed")
    assert verdict(desk) == "blocked"
    told = desk.refused(409, "conflict", "POST", "/v1/appeals", "author:a1", json=body)
    assert filed["id"] in told


def test_whoever_decided_first_neither_claims_nor_decides_the_appeal(desk):
    (takedown,) = taken_down(desk)
    filed = appeal(desk, decision=takedown)
    desk.refused(403, "same-decider", "POST", f"/v1/cases/{filed['id']}/claim", MOD)
    desk.claim(filed["id"], "eve")


def test_an_appeal_is_refused_after_its_days_and_not_before(desk):
    (takedown,) = taken_down(desk)
    body = {"decision": takedown, "text": "t"}
    desk.clock.advance(180 * DAY + 1)
    told = desk.refused(409, "appeal-late", "POST", "/v1/appeals", "author:a1", json=body)
    assert str(NOW + 180 * DAY) in told
    assert desk.queue() == []
    desk.clock.set_back(1)
    assert appeal(desk, decision=takedown)["state"] == "received"


def test_a_clock_that_was_set_back_keeps_nobody_from_appealing(desk):
    (takedown,) = taken_down(desk)
    desk.clock.set_back(3 * DAY)
    assert appeal(desk, decision=takedown)["state"] == "received"


def test_only_the_author_concerned_and_those_who_reported_appeal(desk):
    (takedown,) = taken_down(desk)
    body = {"decision": takedown, "text": "t"}
    for who in ("author:a0", "reader:r9"):
        desk.refused(403, "not-yours", "POST", "/v1/appeals", who, json=body)
    desk.refused(401, "not-authenticated", "POST", "/v1/appeals", json=body)
    desk.refused(403, "scope-missing", "POST", "/v1/appeals", "feed:app", json=body)
    assert appeal(desk, "reader:r1", decision=takedown)["id"] != appeal(desk, decision=takedown)["id"]


@pytest.mark.parametrize("named", [{}, {"decision": "a", "report": "b"}])
def test_an_appeal_names_one_thing(desk, named):
    desk.refused(422, "invalid-case", "POST", "/v1/appeals", "author:a1", json={"text": "t"} | named)


@pytest.mark.parametrize("named", [{"decision": "none"}, {"statement": "none"}, {"report": "none"}])
def test_an_appeal_against_what_is_unknown_is_not_found(desk, named):
    desk.refused(404, "not-found", "POST", "/v1/appeals", "author:a1", json={"text": "t"} | named)


def test_what_was_undone_already_is_not_appealed(desk):
    (takedown,) = taken_down(desk)
    reason = {"reason": "a mistake", "basis": {"kind": "terms", "clause": "1"}}
    desk.done("POST", f"/v1/decisions/{takedown}/reverse", MOD, json=reason)
    body = {"decision": takedown, "text": "t"}
    desk.refused(409, "already-reversed", "POST", "/v1/appeals", "author:a1", json=body)


def test_an_upheld_appeal_turns_what_reporters_were_told_and_counted(desk):
    (takedown,) = taken_down(desk)
    receipt = desk.store.register(REPORTS).find()[0].id
    assert desk.done("GET", f"/v1/reports/{receipt}")["outcome"] == "acted"
    desk.resolve(appeal(desk, decision=takedown)["id"], "eve", outcome="upheld")
    assert desk.done("GET", f"/v1/reports/{receipt}")["outcome"] == "no_action"
    assert desk.store.register(REPORTS).get(receipt).state == "dismissed"


def test_a_reporter_appeals_a_report_that_ended_without_action(desk):
    receipt = desk.report("i1")["id"]
    body = {"report": receipt, "text": "look again"}
    desk.refused(422, "invalid-case", "POST", "/v1/appeals", "reader:r1", json=body)
    desk.resolve(desk.queue()[0]["id"], outcome="no_action")
    assert desk.done("GET", f"/v1/reports/{receipt}")["appeal_until"] == NOW + 180 * DAY
    desk.refused(403, "not-yours", "POST", "/v1/appeals", "reader:r2", json=body)
    filed = appeal(desk, "reader:r1", report=receipt)
    desk.refused(403, "same-decider", "POST", f"/v1/cases/{filed['id']}/claim", MOD)
    desk.claim(filed["id"], "eve")
    ending = {"outcome": "upheld", "answer": "you were right"}
    path = f"/v1/cases/{filed['id']}/resolve"
    desk.refused(422, "invalid-case", "POST", path, "moderator:eve", json=ending)
    desk.done("POST", path, "moderator:eve", json=ending | {"decisions": [act("takedown")]})
    assert desk.done("GET", f"/v1/reports/{receipt}")["outcome"] == "acted"
    assert verdict(desk) == "blocked"


def test_whoever_has_the_receipt_of_a_form_appeals_without_a_token(desk):
    form = {"item": "i1", "category": "illegal", "text": "t", "good_faith": "yes", "key": "k"}
    desk.call("POST", "/report", data=form)
    receipt = desk.store.register(REPORTS).find()[0].id
    desk.resolve(desk.queue()[0]["id"], outcome="no_action")
    assert appeal(desk, "", report=receipt)["state"] == "received"


def stated(desk, puid, rule="r1", item="i1", decision="", at=NOW):
    cause = {"kind": "decision", "id": decision} if decision else {"kind": "rule", "id": rule}
    content = {"item": item, "author": "a1", "cause": cause, "decision": decision, "from_at": at, "until": None}
    entry = Entry(puid, orjson.dumps(content).decode(), subject=item, at=at)
    desk.store.register("statements").edit([puid], lambda stored: [entry]).result()
    return puid


def test_what_reporters_were_told_follows_every_appeal_in_turn(desk):
    receipt = desk.report("i1")["id"]
    desk.resolve(desk.queue()[0]["id"], outcome="no_action", answer="seems fine")
    first = appeal(desk, "reader:r1", report=receipt)["id"]
    ended = desk.resolve(first, "eve", outcome="upheld", answer="it is made up", decisions=[act("takedown")])
    told = desk.done("GET", f"/v1/reports/{receipt}")
    assert (told["outcome"], told["answer"]) == ("acted", "it is made up")
    second = appeal(desk, decision=ended["decisions"][0])["id"]
    desk.resolve(second, "kim", outcome="upheld", answer="the source was found")
    told = desk.done("GET", f"/v1/reports/{receipt}")
    assert (told["outcome"], told["answer"]) == ("no_action", "the source was found")


def test_an_appeal_that_is_upheld_by_one_request_sent_many_times_at_once_is_upheld_to_all(desk, monkeypatch):
    (takedown,) = taken_down(desk)
    filed = appeal(desk, decision=takedown)["id"]
    desk.claim(filed, "eve")
    body = {"outcome": "upheld", "answer": "it was wrong"}
    path = f"/v1/cases/{filed}/resolve"
    calls = []

    def overtaken(service, case):
        calls.append(case.id)
        if len(calls) == 1:
            assert desk.call("POST", path, "moderator:eve", json=body).status_code == 200
        return to_undo(service, case)

    monkeypatch.setattr("feed.cases.resolving.to_undo", overtaken)
    ended = desk.done("POST", path, "moderator:eve", json=body)
    assert (ended["outcome"], len(ended["decisions"])) == ("upheld", 1)
    assert desk.done("GET", f"/v1/cases/{filed}", MOD)["case"] == ended


def test_nobody_decides_about_what_is_their_own(desk):
    desk.report("i1")
    report = desk.queue()[0]["id"]
    desk.refused(403, "same-decider", "POST", f"/v1/cases/{report}/claim", "moderator:a1")
    (takedown,) = taken_down(desk)
    mine = appeal(desk, decision=takedown)["id"]
    theirs = appeal(desk, "reader:r1", decision=takedown)["id"]
    desk.refused(403, "same-decider", "POST", f"/v1/cases/{mine}/claim", "moderator:a1")
    desk.refused(403, "same-decider", "POST", f"/v1/cases/{theirs}/claim", "moderator:r1")
    desk.claim(theirs, "a0")


def test_an_appeal_against_what_was_reversed_meanwhile_says_how_it_can_be_upheld(desk):
    (takedown,) = taken_down(desk)
    filed = appeal(desk, decision=takedown)["id"]
    desk.claim(filed, "eve")
    undo = {"reason": "mine to mend", "basis": act("pin")["basis"]}
    reversal = desk.done("POST", f"/v1/decisions/{takedown}/reverse", MOD, json=undo)["decision"]["id"]
    path, ending = f"/v1/cases/{filed}/resolve", {"outcome": "upheld", "answer": "it was wrong"}
    told = desk.refused(422, "invalid-case", "POST", path, "moderator:eve", json=ending)
    assert "made" in told
    ended = desk.done("POST", path, "moderator:eve", json=ending | {"made": [reversal]})
    assert (ended["outcome"], ended["decisions"]) == ("upheld", [reversal])


def test_a_statement_of_a_decision_is_appealed_as_the_decision(desk):
    (takedown,) = taken_down(desk)
    filed = appeal(desk, statement=stated(desk, "s1", decision=takedown))
    assert appeal(desk, decision=takedown)["id"] == filed["id"]
    desk.resolve(filed["id"], "eve", outcome="upheld")
    assert verdict(desk) != "blocked"


def test_an_upheld_appeal_leaves_what_holds_others_too_to_whoever_decides_it(desk):
    body = act("suppress", subject={"kind": "topic", "id": "news"})
    proposal = Proposal(
        DecisionType.SUPPRESS,
        Subject(SubjectKind.TOPIC, "news"),
        body["reason"],
        BASIS,
        expires_at=body["expires_at"],
    )
    whole = desk.client.portal.call(decide, desk.service, ACTOR, proposal, None).decision.id
    first = appeal(desk, statement=stated(desk, "s1", decision=whole))
    assert appeal(desk, statement=stated(desk, "s3", item="i3", decision=whole))["id"] != first["id"]
    desk.claim(first["id"], "eve")
    path, ending = f"/v1/cases/{first['id']}/resolve", {"outcome": "upheld", "answer": "a"}
    desk.refused(422, "invalid-case", "POST", path, "moderator:eve", json=ending)
    reversal = {"type": "reverse", "reverses": whole, "reason": "too wide", "basis": act("pin")["basis"]}
    desk.done("POST", path, "moderator:eve", json=ending | {"decisions": [reversal]})
    assert desk.service.decisions.undone_by(desk.store.ledger.by_id(whole)) is not None


def test_erasing_a_reader_who_appealed_leaves_the_appeal_without_name_and_words(desk):
    (takedown,) = taken_down(desk)
    filed = appeal(desk, "reader:r1", decision=takedown)
    desk.done("DELETE", "/v1/readers/r1", "reader:r1")
    assert desk.store.register("cases").find(person="r1") == []
    assert desk.store.register(WORDS).find(subject=filed["id"]) == []
    assert desk.done("GET", f"/v1/appeals/{filed['id']}")["state"] == "received"


POLICY = """
name: rules
rules:
  - id: rumour
    tier: restricted
    when: {signal: label.rumour, min: 0.8}
    missing: skip
    basis: {kind: terms, clause: "4.2"}
    review_by: 2030-05-01
  - id: other
    tier: restricted
    when: {signal: label.other, min: 0.8}
    missing: skip
    basis: {kind: terms, clause: "4.3"}
    review_by: 2030-05-01
"""


def published(desk):
    headers = {"Content-Type": "application/yaml"}
    version = desk.done("POST", "/v1/policy/drafts", "policy:pia", content=POLICY, headers=headers)["version"]
    proposal = Proposal(DecisionType.PUBLISH_POLICY, None, "first policy", BASIS, parameters={"policy": version})
    # By the service's own account, which needs no second person, as the breaker does.
    desk.client.portal.call(decide, desk.service, ACTOR, proposal, None)


def modes(desk):
    return {rule["id"]: rule.get("mode", "live") for rule in desk.done("GET", "/v1/policy")["policy"]["rules"]}


def overturned(desk, number, outcome="upheld", rule="rumour"):
    filed = appeal(desk, statement=stated(desk, f"s{number}", rule=rule))
    more = {"decisions": [act("suppress", "i3", starts_at=NOW)]} if outcome == "upheld" else {}
    desk.resolve(filed["id"], "eve", outcome=outcome, **more)


def test_a_rule_whose_appeals_are_upheld_too_often_turns_to_shadow_and_is_reviewed(desk):
    published(desk)
    for number in range(3):
        overturned(desk, number)
    assert modes(desk) == {"rumour": "live", "other": "live"}
    overturned(desk, 3)
    assert modes(desk) == {"rumour": "shadow", "other": "live"}
    (case,) = desk.queue()
    assert (case["kind"], case["category"]) == ("review", "overturned-rule")
    assert case["subject"] == {"kind": "platform", "id": "rumour"}
    assert "4 of 4 appeals" in case["reason"]
    published_by = desk.store.ledger.listing(before=None, limit=1)[0]
    assert (published_by.type, published_by.actor, published_by.role) == (
        DecisionType.PUBLISH_POLICY,
        "weir",
        "service",
    )


def test_a_rule_of_a_community_whose_appeals_are_upheld_too_often_turns_to_shadow_there_alone(desk):
    published(desk)
    desk.done("PUT", "/v1/communities/club", "admin:root", json={"name": "Club", "founder": "fay"})
    headers = {"Content-Type": "application/yaml"}
    desk.done("POST", "/v1/communities/club/policy", "reader:fay", content=POLICY, headers=headers)
    for number in range(4):
        overturned(desk, number, rule=f"{prefix_of('club')}rumour")
    assert modes(desk) == {"rumour": "live", "other": "live"}
    theirs = desk.service.policies(desk.service.replica.latest().governance.community_policies["club"])
    assert {rule.id: rule.mode for rule in theirs.rules} == {"rumour": "shadow", "other": "live"}
    (case,) = desk.queue()
    assert (case["category"], case["about"]) == ("overturned-rule", {"community": "club"})


def test_a_rule_that_was_turned_live_again_is_judged_by_later_appeals_alone(desk):
    published(desk)
    for number in range(4):
        overturned(desk, number)
    shadowed = desk.store.ledger.listing(before=None, limit=1)[0].id
    mended = Proposal(DecisionType.REVERSE, None, "the rule is mended", BASIS, reverses=shadowed)
    desk.client.portal.call(decide, desk.service, ACTOR, mended, None)
    assert modes(desk)["rumour"] == "live"
    desk.clock.advance(60)
    overturned(desk, 4)
    assert modes(desk)["rumour"] == "live"


def test_appeals_that_are_mostly_dismissed_leave_a_rule_alone(desk):
    published(desk)
    for number in range(4):
        overturned(desk, number, "dismissed")
    for number in range(4, 8):
        overturned(desk, number)
    assert modes(desk)["rumour"] == "live"
