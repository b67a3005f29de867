"""Reports over HTTP: none is lost, each has a receipt, all of one item are one case, and the outcome is told."""

from __future__ import annotations

import pytest

from feed.cases.papers import cases_of
from feed.cases.reports import REPORTS, WORDS, reliability_of
from tests.unit.feed.cases.case_office import DAY, NOW, act, office


@pytest.fixture
def desk(tmp_path):
    with office(tmp_path) as opened:
        yield opened


def test_a_report_is_followed_by_its_receipt_to_its_outcome(desk):
    receipt = desk.report(text="this is not true")
    assert (receipt["state"], receipt["outcome"], receipt["due_at"]) == ("received", "", NOW + 72 * 3600)
    (case,) = desk.queue()
    assert (case["kind"], case["subject"], case["reports"]) == ("report", {"kind": "item", "id": "i1"}, 1)
    desk.claim(case["id"])
    path = f"/v1/reports/{receipt['id']}"
    assert desk.done("GET", path)["state"] == "in_review"
    desk.resolve(case["id"], outcome="acted", answer="it was taken down", decisions=[act("takedown")])
    told = desk.done("GET", path)
    assert (told["state"], told["outcome"], told["answer"]) == ("decided", "acted", "it was taken down")
    assert set(told) == {
        "id", "item", "category", "state", "at", "due_at", "outcome", "answer", "decided_at", "appeal_until",
    }  # fmt: skip


def test_many_reports_of_an_item_are_one_case_and_each_has_its_receipt(desk):
    receipts = {desk.report(by=f"r{n}")["id"] for n in range(5)}
    assert len(receipts) == 5
    (case,) = desk.queue()
    assert case["reports"] == 5
    desk.report("i2")
    assert len(desk.queue()) == 2


def test_a_reader_who_reports_again_gets_the_same_receipt(desk):
    first = desk.call("POST", "/v1/reports", "reader:r1", json={"item": "i1", "category": "terms"})
    again = desk.call("POST", "/v1/reports", "reader:r1", json={"item": "i1", "category": "danger"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert desk.queue()[0]["reports"] == 1


def test_after_an_answer_the_same_reader_may_report_again_and_a_repeated_request_may_not(desk):
    key = {"Idempotency-Key": "k1"}
    body = {"item": "i1", "category": "terms"}
    first = desk.done("POST", "/v1/reports", "reader:r1", json=body, headers=key)
    desk.resolve(desk.queue()[0]["id"], outcome="no_action")
    assert desk.done("POST", "/v1/reports", "reader:r1", json=body, headers=key)["id"] == first["id"]
    assert desk.queue() == []
    assert desk.done("POST", "/v1/reports", "reader:r1", json=body)["id"] != first["id"]
    assert len(desk.queue()) == 1
    other = {"item": "i2", "category": "terms"}
    desk.refused(409, "idempotency-conflict", "POST", "/v1/reports", "reader:r1", json=other, headers=key)


def test_a_report_of_what_is_unknown_is_refused_by_name(desk):
    body = {"item": "none", "category": "terms"}
    desk.refused(404, "unknown-item", "POST", "/v1/reports", "reader:r1", json=body)
    told = desk.refused(422, "input-invalid", "POST", "/v1/reports", "reader:r1", json={"item": "i1", "category": "x"})
    assert "danger, illegal" in told
    desk.refused(404, "not-found", "GET", "/v1/reports/none")
    assert desk.queue() == []


def test_the_most_severe_category_and_the_sooner_deadline_count(desk):
    desk.report(category="other")
    desk.clock.advance(3600)
    desk.report(category="danger", by="r2")
    desk.report(category="terms", by="r3")
    (case,) = desk.queue()
    assert (case["category"], case["severity"], case["due_at"]) == ("danger", 10, NOW + 5 * 3600)


def test_priority_is_severity_times_live_reach_times_what_reports_weigh(desk):
    desk.exposures("i1", 99)
    desk.report()
    assert desk.queue()[0]["priority"] == 4 * 100 * 333 // 1000
    desk.report(by="r2")
    assert desk.queue()[0]["support"] == 556
    assert desk.queue()[0]["priority"] == 4 * 100 * 556 // 1000


def test_a_crowd_that_is_called_together_weighs_no_more_than_three(desk):
    for n in range(3):
        desk.report(by=f"r{n}")
    weight = desk.queue()[0]["support"]
    for n in range(3, 20):
        desk.report(by=f"r{n}")
    assert desk.queue()[0]["support"] == weight < 1000


def test_a_flood_of_one_reader_is_refused_also_when_the_clock_is_set_back(tmp_path):
    with office(tmp_path, report_daily=2) as desk:
        desk.report("i0")
        desk.report("i1")
        body = {"item": "i2", "category": "terms"}
        desk.refused(429, "too-many-requests", "POST", "/v1/reports", "reader:r1", json=body)
        assert desk.report("i0")["state"] == "received"
        desk.clock.set_back(3600)
        desk.refused(429, "too-many-requests", "POST", "/v1/reports", "reader:r1", json=body)
        assert desk.report("i2", by="r2")["state"] == "received"
        desk.clock.advance(2 * DAY)
        assert desk.report("i2")["state"] == "received"


def test_whoever_was_right_is_believed_more_and_whoever_was_not_less(desk):
    desk.report("i0", by="right")
    desk.report("i1", by="wrong")
    by_item = {case["subject"]["id"]: case["id"] for case in desk.queue()}
    desk.resolve(by_item["i0"], outcome="acted", decisions=[act("takedown", "i0")])
    desk.resolve(by_item["i1"], outcome="no_action")
    weights = [reliability_of(desk.store, name) for name in ("wrong", "new", "right")]
    assert weights == [250, 333, 500]
    assert desk.report("i2", by="right")["state"] == "received"
    assert desk.queue()[0]["support"] == 500


def test_erasing_a_reporter_removes_name_and_words_and_keeps_the_report(desk):
    receipt = desk.report(text="I, Ada, saw it")["id"]
    desk.done("DELETE", "/v1/readers/r1", "reader:r1")
    kept = desk.store.register(REPORTS).get(receipt)
    assert kept.person == ""
    assert "r1" not in kept.content
    assert desk.store.register(WORDS).find() == []
    case = desk.queue()[0]
    assert case["reports"] == 1
    detail = desk.done("GET", f"/v1/cases/{case['id']}", "moderator:mod")
    assert detail["words"] == []
    assert desk.done("GET", f"/v1/reports/{receipt}")["state"] == "received"


def test_a_reader_finds_what_they_wrote_in_their_export(desk):
    receipt = desk.report(text="it is made up")["id"]
    desk.resolve(desk.queue()[0]["id"], outcome="no_action")
    desk.clock.advance(1)
    body = {"report": receipt, "text": "look again"}
    appeal = desk.done("POST", "/v1/appeals", "reader:r1", json=body)["id"]
    written = desk.done("GET", "/v1/readers/r1/export", "reader:r1")["written"]
    assert written == [
        {"kind": "appeal", "id": appeal, "at": NOW + 1, "text": "look again"},
        {"kind": "report", "id": receipt, "at": NOW, "text": "it is made up"},
    ]
    assert desk.done("GET", "/v1/readers/r2/export", "reader:r2")["written"] == []


def test_a_moderator_reads_what_was_written_without_names(desk):
    desk.report(text="first")
    desk.clock.advance(1)
    desk.report(text="second", by="r2")
    case = desk.queue()[0]["id"]
    detail = desk.done("GET", f"/v1/cases/{case}", "moderator:mod")
    assert detail["words"] == ["second", "first"]
    assert "r2" not in str(detail)


FORM = {"item": "i1", "category": "illegal", "text": "it breaks the law", "good_faith": "yes", "key": "k"}


def test_anybody_reports_by_the_form_and_follows_the_receipt(desk):
    page = desk.call("GET", "/report?item=i1%22%3E%3Cb%3E")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "script" not in page.headers["content-security-policy"] + page.text
    assert "<b>" not in page.text
    sent = desk.call("POST", "/report", data=FORM)
    assert sent.status_code == 200
    (report,) = desk.store.register(REPORTS).find()
    assert report.id in sent.text
    assert report.person == ""
    assert "It waits" in desk.call("GET", f"/report/{report.id}").text
    assert desk.done("GET", f"/v1/reports/{report.id}")["category"] == "illegal"


def test_the_same_form_sent_twice_is_one_report_and_forms_together_weigh_as_one_reporter(desk):
    for key in ("k", "k", "l", "m"):
        assert desk.call("POST", "/report", data=FORM | {"key": key}).status_code == 200
    (case,) = desk.queue()
    assert (case["reports"], case["support"]) == (3, 333)


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"item": "none"}, 404, "no item"),
        ({"category": "x"}, 422, "is no category"),
        ({"text": ""}, 422, "text"),
        ({"good_faith": ""}, 422, "good faith"),
        ({"more": "1"}, 422, "more"),
    ],
)
def test_a_form_that_does_not_hold_is_given_back_with_what_was_written(desk, change, status, said):
    answer = desk.call("POST", "/report", data=FORM | change)
    assert answer.status_code == status
    assert said in answer.text
    assert 'value="k"' in answer.text
    assert cases_of(desk.store).count() == 0


def test_an_address_sends_a_few_forms_an_hour(tmp_path):
    with office(tmp_path, report_form_hourly=2) as desk:
        statuses = [desk.call("POST", "/report", data=FORM | {"key": str(n)}) for n in range(3)]
        assert [answer.status_code for answer in statuses] == [200, 200, 429]
        assert int(statuses[-1].headers["retry-after"]) <= 1801
        desk.clock.set_back(DAY)
        assert desk.call("POST", "/report", data=FORM | {"key": "9"}).status_code == 429


def test_a_form_that_cannot_be_read_is_refused(desk):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    desk.refused(400, "body-unreadable", "POST", "/report", content=b"item=%ff", headers=headers)
    desk.refused(415, "media-type-refused", "POST", "/report", json=FORM)
