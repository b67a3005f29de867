"""Deciding over HTTP: obeyed when answered, undone by another decision, once per key; policies, models and keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.journeys.http_service import Http, decision

POLICY = """name: house
rules:
  - id: no-sport
    tier: blocked
    when: {signal: topic, in: [sport]}
    missing: apply
    basis: {kind: terms, clause: "1"}
    review_by: 2099-01-01
"""
YAML = {"Content-Type": "application/yaml"}


def decide(http: Http, scope: str, body: dict[str, Any], **headers: str) -> Any:
    answer = http.call("POST", "/v1/decisions", scope, subject="ed", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def shown(http: Http, reader: str = "r1", **query: Any) -> list[str]:
    page = http.call("GET", "/v1/feed", "feed", params={"reader": reader, "limit": 24, **query}).json()
    return [item["id"] for item in page["items"]]


def test_a_pin_is_obeyed_by_the_time_it_is_answered(http):
    body = decision("pin", "item-9", http.service.clock.now(), parameters={"position": 2})
    told = decide(http, "editor", body)
    assert told["enforced"]["replicas"] == told["enforced"]["acked"] == 1
    assert told["enforced"]["lagging"] == []
    assert told["decision"]["actor"] == "ed"
    assert told["decision"]["revision"] == 1
    assert not told["waits"]
    assert shown(http)[2] == "item-9"


def test_a_second_pin_at_a_position_is_refused_with_the_one_that_holds_it(http):
    now = http.service.clock.now()
    pins = [decision("pin", f"item-{number}", now, parameters={"position": 2}) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda body: http.call("POST", "/v1/decisions", "editor", json=body), pins))
    (made,) = [answer.json()["decision"] for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer.status_code != 201:
            assert made["id"] in http.problem(answer, 409, "position-taken")["detail"]
    assert shown(http)[2] == made["subject"]["id"]


def test_why_tells_the_decision_that_pinned_or_featured_an_item(http):
    now = http.service.clock.now()
    pin = decision("pin", "item-9", now, parameters={"position": 2}, reason="our guide to the elections")
    pinned = decide(http, "editor", pin)["decision"]["id"]
    featured = decide(http, "editor", decision("feature", "item-8", now))["decision"]["id"]
    elsewhere = decision("pin", "item-9", now, parameters={"position": 0}, scope={"surfaces": ["topic"]})
    decide(http, "editor", elsewhere)
    page = http.call("GET", "/v1/feed?reader=r1&limit=24&mode=editorial", "feed").json()
    sources = {item["id"]: item["source"] for item in page["items"]}
    assert (sources["item-9"], sources["item-8"]) == ("pin", "editorial")
    http.call("POST", f"/v1/decisions/{pinned}/reverse", "editor", json={k: pin[k] for k in ("reason", "basis")})
    told = {
        item: http.call("GET", f"/v1/feed/{page['request_id']}/why/{item}", "feed").json()["causes"]
        for item in ("item-9", "item-8", "item-7")
    }
    assert told == {
        "item-9": [{"kind": "decision", "id": pinned, "words": "pinned at 2 by editor: our guide to the elections"}],
        "item-8": [{"kind": "decision", "id": featured, "words": "featured by editor: feature for the test"}],
        "item-7": [],
    }


def test_a_takedown_empties_even_a_session_begun_before(http):
    page = http.call("GET", "/v1/feed?reader=r1&limit=4&mode=latest", "feed").json()
    decide(http, "moderator", decision("takedown", "item-6", http.service.clock.now()))
    seen = {item["id"] for item in page["items"]}
    while page["cursor"]:
        query = {"reader": "r1", "limit": 4, "mode": "latest", "cursor": page["cursor"]}
        page = http.call("GET", "/v1/feed", "feed", params=query).json()
        ids = {item["id"] for item in page["items"]}
        assert not ids & seen
        seen |= ids
    assert seen == {f"item-{number}" for number in range(24)} - {"item-6"}


def test_a_reversal_ends_what_it_reverses_and_both_stay_in_the_ledger(http):
    told = decide(http, "editor", decision("suppress", "item-3", http.service.clock.now()))
    made = told["decision"]["id"]
    assert "item-3" not in shown(http)
    why = {"reason": "a mistake", "basis": {"kind": "editorial", "clause": "2"}}
    undone = http.call("POST", f"/v1/decisions/{made}/reverse", "editor", json=why)
    assert undone.status_code == 201
    assert "item-3" in shown(http)
    again = http.call("POST", f"/v1/decisions/{made}/reverse", "editor", json=why)
    http.problem(again, 409, "already-reversed")
    found = http.call("GET", f"/v1/decisions/{made}", "auditor").json()
    assert found["reversed_by"] == undone.json()["decision"]["id"]
    listed = http.call("GET", "/v1/decisions", "auditor").json()["decisions"]
    assert [one["type"] for one in listed] == ["reverse", "suppress"]


def test_of_reversals_sent_at_once_one_is_made(http):
    why = {"reason": "a mistake", "basis": {"kind": "editorial", "clause": "2"}}
    with ThreadPoolExecutor(4) as pool:
        for number in range(6):
            taken = decide(http, "moderator", decision("takedown", f"item-{number}", http.service.clock.now()))
            path = f"/v1/decisions/{taken['decision']['id']}/reverse"
            restore = {**why, "type": "restore", "subject": {"kind": "item", "id": f"item-{number}"}}
            calls = [(path, why)] * 3 + [("/v1/decisions", restore)]
            answers = list(
                pool.map(lambda call: http.call("POST", call[0], "moderator", json=call[1]).status_code, calls)
            )
            assert sorted(answers) == [201, 409, 409, 409]


def test_a_restored_takedown_is_told_as_reversed_and_nothing_is_restored_twice(http):
    why = {"reason": "a mistake", "basis": {"kind": "editorial", "clause": "2"}}
    restore = {**why, "type": "restore", "subject": {"kind": "item", "id": "item-3"}}
    http.problem(http.call("POST", "/v1/decisions", "moderator", json=restore), 409, "nothing-to-restore")
    taken = decide(http, "moderator", decision("takedown", "item-3", http.service.clock.now()))["decision"]["id"]
    restored = decide(http, "moderator", restore, **{"Idempotency-Key": "r"})["decision"]["id"]
    assert http.call("GET", f"/v1/decisions/{taken}", "auditor").json()["reversed_by"] == restored
    undone = http.call("POST", f"/v1/decisions/{taken}/reverse", "moderator", json=why)
    assert restored in http.problem(undone, 409, "already-reversed")["detail"]
    assert decide(http, "moderator", restore, **{"Idempotency-Key": "r"})["decision"]["id"] == restored
    http.problem(http.call("POST", "/v1/decisions", "moderator", json=restore), 409, "nothing-to-restore")


def test_the_same_key_decides_once_and_another_request_under_it_is_refused(http):
    body = decision("boost", "item-3", http.service.clock.now(), parameters={"factor": 2.0})
    first = decide(http, "editor", body, **{"Idempotency-Key": "k1"})
    again = decide(http, "editor", body, **{"Idempotency-Key": "k1"})
    assert again["decision"]["id"] == first["decision"]["id"]
    assert http.service.store.ledger.head() == 1
    other = {**body, "reason": "something else"}
    answer = http.call("POST", "/v1/decisions", "editor", subject="ed", json=other, headers={"Idempotency-Key": "k1"})
    http.problem(answer, 409, "idempotency-conflict")
    decide(http, "admin", other)
    assert http.service.store.ledger.head() == 2


def test_keys_of_different_callers_do_not_meet(http):
    body = decision("boost", "item-3", http.service.clock.now(), parameters={"factor": 2.0})
    for subject in ("ed", "eve"):
        headers = {"Idempotency-Key": "same"}
        answer = http.call("POST", "/v1/decisions", "editor", subject=subject, json=body, headers=headers)
        assert answer.json()["decision"]["actor"] == subject


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expires_at": 1_000_000_000}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"parameters": {}}, "parameters.position"),
        ({"parameters": {"position": -1}}, "parameters.position"),
        ({"parameters": {"position": 0, "x": 1}}, "parameters.x"),
        ({"scope": {"surfaces": ["attic"]}}, "scope.surfaces"),
        ({"subject": {"kind": "author", "id": "a"}}, "subject.kind"),
        ({"basis": {"kind": "whim", "clause": "1"}}, "basis.kind"),
        ({"reason": "  "}, "reason"),
    ],
)
def test_decisions_that_cannot_be_made_name_the_field(http, change, field):
    body = {**decision("pin", "item-1", http.service.clock.now(), parameters={"position": 0}), **change}
    told = http.problem(http.call("POST", "/v1/decisions", "editor", json=body), 422, "invalid-decision")
    assert [error["field"] for error in told["errors"]] == [field]
    assert http.service.store.ledger.head() == 0


def test_a_blocked_item_cannot_be_pinned(http):
    now = http.service.clock.now()
    decide(http, "moderator", decision("takedown", "item-1", now))
    pin = decision("pin", "item-1", now, parameters={"position": 0})
    http.problem(http.call("POST", "/v1/decisions", "editor", json=pin), 409, "ineligible-subject")


def test_a_decision_on_an_unknown_item_waits_for_it(http):
    assert decide(http, "moderator", decision("takedown", "later", http.service.clock.now()))["waits"]
    http.call("PUT", "/v1/items/later", "admin", json={})
    http.settled()
    assert "later" not in shown(http, mode="latest")


def test_a_freeze_with_nothing_featured_says_that_feeds_will_be_empty(http):
    now = http.service.clock.now()
    freeze = {name: value for name, value in decision("freeze", "", now).items() if name != "subject"}
    told = decide(http, "moderator", freeze)
    assert "every feed is empty" in told["warning"]
    assert shown(http) == []
    assert decide(http, "editor", decision("feature", "item-1", now))["warning"] == ""
    assert decide(http, "moderator", freeze)["warning"] == ""
    assert shown(http) == ["item-1"]


def test_decisions_are_listed_in_pages_and_by_subject(http):
    now = http.service.clock.now()
    for number in range(5):
        decide(http, "editor", decision("feature", f"item-{number}", now))
    first = http.call("GET", "/v1/decisions?limit=2", "auditor").json()
    assert [one["revision"] for one in first["decisions"]] == [5, 4]
    rest = http.call("GET", f"/v1/decisions?limit=200&before={first['next']}", "auditor").json()
    assert [one["revision"] for one in rest["decisions"]] == [3, 2, 1]
    assert rest["next"] is None
    about = http.call("GET", "/v1/decisions?subject=item-3", "auditor").json()["decisions"]
    assert [one["subject"]["id"] for one in about] == ["item-3"]


def test_revocations_name_what_a_client_must_drop(http):
    page = http.call("GET", "/v1/feed?reader=r1&limit=24", "feed").json()
    since = f"{page['revision']}.{page['edition']}.{page['as_of']}"
    quiet = http.call("GET", f"/v1/revocations?since={since}", "feed").json()
    assert (quiet["reset"], quiet["items"]) == (False, [])
    decide(http, "moderator", decision("takedown", "item-7", http.service.clock.now()))
    decide(http, "editor", decision("boost", "item-8", http.service.clock.now(), parameters={"factor": 2.0}))
    http.call("DELETE", "/v1/items/item-9", "admin")
    http.settled()
    told = http.call("GET", f"/v1/revocations?since={since}", "feed").json()
    assert (told["reset"], sorted(told["items"])) == (False, ["item-7", "item-9"])
    after = http.call("GET", f"/v1/revocations?since={told['next']}", "feed").json()
    assert (after["reset"], after["items"]) == (False, [])


def test_a_client_from_before_what_is_remembered_drops_everything(http):
    assert http.call("GET", "/v1/revocations?since=0", "feed").json()["reset"]
    assert http.call("GET", "/v1/revocations?since=0.0.0", "feed").json()["reset"]


def test_a_revision_alone_tells_too_little_to_keep_what_was_prefetched(http):
    page = http.call("GET", "/v1/feed?reader=r1&limit=24", "feed").json()
    for since in (f"{page['revision']}", f"{page['revision']}.{page['edition']}"):
        assert http.call("GET", f"/v1/revocations?since={since}", "feed").json()["reset"]
    whole = f"{page['revision']}.{page['edition']}.{page['as_of']}"
    assert not http.call("GET", f"/v1/revocations?since={whole}", "feed").json()["reset"]


def test_a_verdict_names_its_causes_and_where_they_hold(http):
    body = decision("suppress", "item-2", http.service.clock.now(), scope={"regions": ["DE"]})
    made = decide(http, "editor", body)["decision"]["id"]
    here = http.call("GET", "/v1/items/item-2/verdict?region=DE&age=adult", "auditor").json()
    assert (here["eligible"], [cause["id"] for cause in here["causes"]]) == (False, [made])
    there = http.call("GET", "/v1/items/item-2/verdict?region=FR&age=adult", "auditor").json()
    assert (there["eligible"], there["causes"], len(there["elsewhere"])) == (True, [], 1)
    unknown = http.call("GET", "/v1/items/item-2/verdict", "auditor").json()
    assert not unknown["eligible"]


def test_a_draft_is_stored_and_obeyed_once_it_is_published(http):
    empty = http.client.get("/v1/policy")
    assert (empty.json()["version"], empty.json()["policy"]) == ("", None)
    draft = http.call("POST", "/v1/policy/drafts", "policy", content=POLICY, headers=YAML).json()
    assert not draft["active"]
    assert "item-1" in shown(http)
    version = draft["version"]
    published = http.call("POST", f"/v1/policy/drafts/{version}/publish", "policy", json={"reason": "agreed"})
    assert published.status_code == 201
    assert not {f"item-{number}" for number in range(1, 24, 4)} & set(shown(http))
    public = http.client.get("/v1/policy", headers={"If-None-Match": empty.headers["etag"]})
    assert public.json()["version"] == version
    assert public.json()["policy"]["rules"][0]["id"] == "no-sport"
    stored = http.call("GET", f"/v1/policy/versions/{version}", "auditor").json()
    assert stored["active"]


def test_the_public_policy_says_in_words_how_ranking_is_set(shared_http):
    ranking = shared_http.client.get("/v1/policy").json()["ranking"]
    assert {"history", "weight_like", "author_max"} <= {parameter["name"] for parameter in ranking}
    assert all(len(parameter["words"]) > 10 for parameter in ranking)


def test_a_malformed_policy_is_refused_with_every_line_and_the_old_one_stays(http):
    draft = http.call("POST", "/v1/policy/drafts", "policy", content=POLICY, headers=YAML).json()
    http.call("POST", f"/v1/policy/drafts/{draft['version']}/publish", "policy", json={"reason": "agreed"})
    broken = POLICY.replace("missing: apply", "missing: maybe").replace("tier: blocked", "teir: blocked")
    answer = http.call("POST", "/v1/policy/drafts", "policy", content=broken, headers=YAML)
    told = http.problem(answer, 422, "invalid-policy")
    assert {error["line"] for error in told["errors"]} >= {4, 6}
    assert http.client.get("/v1/policy").json()["version"] == draft["version"]


@pytest.mark.parametrize("text", [b"", b"- 1", b"name: [", b"\xff", b"a: &x [*x]", b"name: x\nname: y"])
def test_what_is_no_policy_is_refused(shared_http, text):
    answer = shared_http.call("POST", "/v1/policy/drafts", "policy", content=text, headers=YAML)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["errors" if answer.status_code == 422 else "detail"]


def test_a_draft_is_told_of_labels_that_no_item_has(http):
    wrong = POLICY.replace("{signal: topic, in: [sport]}", "{signal: label.unheard-of, min: 0.5}")
    draft = http.call("POST", "/v1/policy/drafts", "policy", content=wrong, headers=YAML)
    assert draft.status_code == 201, draft.text
    told = [(finding["severity"], finding["message"]) for finding in draft.json()["findings"]]
    assert any(severity == "warning" and "'unheard-of', which no item has" in message for severity, message in told)


def test_a_draft_that_the_lint_calls_an_error_is_stored_but_not_published(http):
    without_basis = POLICY.replace('    basis: {kind: terms, clause: "1"}\n', "")
    draft = http.call("POST", "/v1/policy/drafts", "policy", content=without_basis, headers=YAML)
    assert draft.status_code == 201, draft.text
    assert "error" in {finding["severity"] for finding in draft.json()["findings"]}
    answer = http.call(
        "POST", f"/v1/policy/drafts/{draft.json()['version']}/publish", "policy", json={"reason": "anyway"}
    )
    http.problem(answer, 422, "invalid-policy")


def test_an_unknown_draft_cannot_be_published(shared_http):
    answer = shared_http.call("POST", f"/v1/policy/drafts/{'0' * 64}/publish", "policy", json={"reason": "x"})
    shared_http.problem(answer, 404, "not-found")


def test_an_unknown_model_cannot_be_activated(shared_http):
    told = shared_http.call("GET", "/v1/models", "auditor").json()
    assert (told["active"], told["models"]) == ("", [])
    answer = shared_http.call("POST", "/v1/models/nothing/activate", "experimenter", json={"reason": "x"})
    shared_http.problem(answer, 404, "not-found")


def test_an_api_key_is_shown_once_acts_and_ends(http):
    made = http.call("POST", "/v1/keys", "admin", json={"name": "backend", "scopes": ["feed"]})
    assert made.status_code == 201
    key = made.json()["key"]
    bearer = {"Authorization": f"Bearer {key}"}
    assert http.client.get("/v1/feed?reader=r1", headers=bearer).status_code == 200
    http.problem(http.client.get("/v1/keys", headers=bearer), 403, "scope-missing")
    listed = http.call("GET", "/v1/keys", "admin")
    assert key not in listed.text
    assert [one["name"] for one in listed.json()["keys"]] == ["backend"]
    taken = http.call("POST", "/v1/keys", "admin", json={"name": "backend", "scopes": ["feed"]})
    http.problem(taken, 409, "conflict")
    assert http.call("DELETE", "/v1/keys/backend", "admin").json() == {"name": "backend", "revoked": 1}
    assert http.call("DELETE", "/v1/keys/backend", "admin").json() == {"name": "backend", "revoked": 0}
    http.problem(http.call("DELETE", "/v1/keys/nope", "admin"), 404, "not-found")
    http.problem(http.client.get("/v1/feed?reader=r1", headers=bearer), 401, "key-refused")
    files = http.service.settings.home.iterdir()
    assert not any(key.encode() in file.read_bytes() for file in files if file.is_file())


def test_keys_with_unknown_scopes_or_a_past_end_are_refused(shared_http):
    for body in ({"name": "x", "scopes": ["root"]}, {"name": "x", "scopes": ["feed"], "expires_at": 1}):
        shared_http.problem(shared_http.call("POST", "/v1/keys", "admin", json=body), 422, "input-invalid")


def test_metrics_count_what_happened(http):
    shown(http)
    decide(http, "editor", decision("feature", "item-1", http.service.clock.now()))
    text = http.client.get("/metrics").text
    for line in (
        'weir_decisions_total{type="feature"} 1.0',
        "weir_revision 1.0",
        "weir_items 24.0",
        'weir_page_items_count{mode="personalized"} 1.0',
        'weir_request_seconds_count{method="GET",route="/v1/feed",status="200"} 1.0',
        'weir_stage_seconds_count{stage="rank"} 1.0',
    ):
        assert line in text
    assert "r1" not in text
    assert "item-1" not in text


def test_a_service_without_a_model_is_degraded_but_ready(shared_http):
    told = shared_http.client.get("/readyz")
    assert told.status_code == 200
    assert told.json()["status"] == "degraded"
    assert {check["name"]: check["state"] for check in told.json()["checks"]} == {
        "lease": "ok",
        "store": "ok",
        "disk": "ok",
        "model": "degraded",
    }
    assert shared_http.client.get("/livez").json()["status"] == "live"


def test_pages_for_people_have_no_script_and_a_policy(shared_http):
    for path in ("/docs", "/problems", "/problems/controls-stale"):
        page = shared_http.client.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
    shared_http.problem(shared_http.client.get("/problems/nothing"), 404, "not-found")
    assert "/v1/feed" in shared_http.client.get("/docs").text


def test_every_answer_has_an_id_and_the_headers_that_protect(shared_http):
    for path in ("/v1/policy", "/nothing", "/livez"):
        answer = shared_http.client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "content-security-policy" in answer.headers
        assert len(answer.headers["x-request-id"]) == 16
    own = shared_http.client.get("/livez", headers={"X-Request-Id": "my-request-7"})
    assert own.headers["x-request-id"] == "my-request-7"
    bad = shared_http.client.get("/livez", headers={"X-Request-Id": "bad id\u00e9".encode("latin-1")})
    assert bad.headers["x-request-id"] != "bad id"
