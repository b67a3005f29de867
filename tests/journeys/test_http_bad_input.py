"""What is wrong is refused clearly: a problem that names field or line, and nothing stored."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.journeys.http_service import Http, running


def fields(told: dict[str, Any]) -> set[str]:
    return {error["field"] for error in told["errors"]}


def test_unknown_paths_and_methods_are_problems(shared_http):
    shared_http.problem(shared_http.client.get("/v1/nothing"), 404, "not-found")
    answer = shared_http.client.post("/v1/policy")
    shared_http.problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]
    several = shared_http.client.post("/v1/items/item-1")
    shared_http.problem(several, 405, "method-not-allowed")
    assert several.headers["allow"] == "DELETE, GET, HEAD, PUT"


def test_what_is_not_there_says_what_to_do(shared_http):
    for path, hint in (("/v1/nothing", "/docs"), ("/v1/feed/", "slash at the end")):
        told = shared_http.problem(shared_http.client.get(path), 404, "not-found")
        assert hint in told["detail"]
    answer = shared_http.call("FOO", "/v1/feed", "feed")
    told = shared_http.problem(answer, 405, "method-not-allowed")
    assert told["detail"] == "FOO is not a method of this path; it has GET, HEAD"


@pytest.mark.parametrize("reader", ["a%2Fb", "%00", "a%0Ab", "x" * 129, "%E2%80%A8"])
def test_readers_that_are_no_ids_are_refused_and_not_recorded(shared_http, reader):
    for path in (f"/v1/feed?reader={reader}", f"/v1/items/item-1/related?reader={reader}"):
        answer = shared_http.call("GET", path, "feed")
        assert fields(shared_http.problem(answer, 422, "input-invalid")) == {"reader"}


def test_what_does_not_hold_is_told_by_its_first_field(shared_http):
    body = {"labels": [{"item": "", "name": "rumour", "score": "7"}]}
    told = shared_http.problem(shared_http.call("POST", "/v1/labels", "moderator", json=body), 422, "input-invalid")
    assert told["detail"] == "labels.0.item: String should have at least 1 character; 1 more in errors"


def test_a_topic_is_not_wanted_more_and_less(shared_http):
    interests, settings = "/v1/readers/topical/interests", "/v1/readers/topical/settings"
    change = lambda path, body: shared_http.call("PATCH", path, "reader", subject="topical", json=body)  # noqa: E731
    assert fields(shared_http.problem(change(interests, {"more": ["a"], "less": ["a"]}), 422, "input-invalid"))
    assert change(interests, {"more": ["news", "sport"]}).status_code == 200
    for path, body in ((interests, {"less": ["sport"]}), (settings, {"less_topics": ["news"]})):
        told = shared_http.problem(change(path, body), 422, "input-invalid")
        assert fields(told) == {"less_topics"}
    moved = change(interests, {"more": ["news"], "less": ["sport"]})
    assert (moved.json()["more"], moved.json()["less"]) == (["news"], ["sport"])
    assert change(settings, {"language": "de"}).status_code == 200


def test_bodies_beyond_the_limit_are_refused_by_their_length(shared_http):
    body = b'{"events": [' + b" " * shared_http.service.settings.body_limit + b"]}"
    answer = shared_http.call(
        "POST", "/v1/events", "events", content=body, headers={"Content-Type": "application/json"}
    )
    shared_http.problem(answer, 413, "body-too-large")


@pytest.mark.parametrize("path", ["/v1/events", "/v1/labels", "/v1/policy/drafts"])
def test_bodies_beyond_the_limit_are_refused_when_they_do_not_say_their_length(shared_http, path):
    def endless():
        for _ in range(2 + shared_http.service.settings.body_limit // 65536):
            yield b" " * 65536

    answer = shared_http.call("POST", path, "admin", content=endless(), headers={"Content-Type": "application/json"})
    shared_http.problem(answer, 413, "body-too-large")


@pytest.mark.parametrize("path", ["/v1/events", "/v1/labels", "/v1/decisions", "/v1/items/import", "/v1/policy/drafts"])
@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_bodies_of_other_types_are_refused(shared_http, path, media):
    answer = shared_http.call("POST", path, "admin", content=b"{}", headers={"Content-Type": media})
    shared_http.problem(answer, 415, "media-type-refused")


@pytest.mark.parametrize("body", [b"{", b'{"a": NaN}', b'{"a": 1}}', b'"\xff"', b'"\\ud800"', b"[" * 100_000])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/labels"])
def test_what_is_no_json_is_refused_with_its_line(shared_http, path, body):
    answer = shared_http.call("POST", path, "admin", content=body, headers={"Content-Type": "application/json"})
    told = shared_http.problem(answer, 400, "body-unreadable")
    assert told["errors"][0]["line"] == 1


def test_unknown_fields_are_errors_by_name(shared_http):
    body = {"labels": [{"item": "item-1", "name": "rumour", "score": 0.5, "scroe": 1}]}
    told = shared_http.problem(shared_http.call("POST", "/v1/labels", "moderator", json=body), 422, "input-invalid")
    assert fields(told) == {"labels.0.scroe"}


def test_refusals_do_not_repeat_what_was_sent(shared_http):
    body = {"labels": [{"item": "x" * 300, "name": "hunter2-is-my-password\n", "score": 7}]}
    answer = shared_http.call("POST", "/v1/labels", "moderator", json=body)
    shared_http.problem(answer, 422, "input-invalid")
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", "1e2", "9" * 30])
def test_limits_out_of_range_are_refused(shared_http, limit):
    answer = shared_http.call("GET", f"/v1/feed?reader=r&limit={limit}", "feed")
    assert fields(shared_http.problem(answer, 422, "input-invalid")) == {"limit"}


def test_a_service_must_name_the_reader(shared_http):
    answer = shared_http.call("GET", "/v1/feed", "feed")
    assert fields(shared_http.problem(answer, 422, "input-invalid")) == {"reader"}


def test_forged_foreign_and_damaged_cursors_are_told_apart(shared_http):
    first = shared_http.call("GET", "/v1/feed?reader=r1&limit=3", "feed").json()
    cursor = first["cursor"]
    ask = lambda reader, given, more="": shared_http.call(  # noqa: E731
        "GET", f"/v1/feed?reader={reader}&cursor={given}{more}", "feed"
    )
    assert ask("r1", cursor).status_code == 200
    shared_http.problem(ask("r2", cursor), 400, "cursor-foreign")
    shared_http.problem(ask("r1", cursor, "&surface=topic:news"), 400, "cursor-foreign")
    shared_http.problem(ask("r1", cursor[:-8] + "AAAAAAAA"), 400, "cursor-forged")
    shared_http.problem(ask("r1", "bm9uc2Vuc2U"), 400, "cursor-forged")


@pytest.mark.parametrize("since", ["", "x", "1.2.3.4", "-1", "1..2", "9" * 40, "1.٣"])
def test_positions_that_are_none_are_refused(shared_http, since):
    answer = shared_http.call("GET", "/v1/revocations", "feed", params={"since": since})
    assert fields(shared_http.problem(answer, 422, "input-invalid")) == {"since"}


@pytest.mark.parametrize("id", ["a/b", "x" * 129, "line%0Abreak", "%00"])
def test_ids_that_are_none_are_refused(shared_http, id):
    answer = shared_http.call("PUT", f"/v1/items/{id}", "admin", json={})
    assert answer.status_code in (404, 405, 422), answer.text


@pytest.mark.parametrize("key", ["", "x" * 201, "with space", "\u00fc".encode().decode("latin-1")])
def test_idempotency_keys_that_are_none_are_refused(shared_http, key):
    body = {"labels": [{"item": "item-1", "name": "rumour", "score": 0.5}]}
    answer = shared_http.call(
        "POST", "/v1/labels", "moderator", json=body, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert fields(shared_http.problem(answer, 422, "input-invalid")) == {"idempotency-key"}


def unsigned(claims: dict[str, Any]) -> str:
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def test_unsigned_and_expired_tokens_are_refused_everywhere(shared_http):
    now = shared_http.service.clock.now()
    forged = unsigned({"sub": "r1", "scope": "admin", "exp": now + 600})
    expired = shared_http.bearer("admin", lifetime=-31)["Authorization"]
    for header, name in ((f"Bearer {forged}", "token-invalid"), (expired, "token-expired")):
        for path in ("/v1/feed?reader=r1", "/v1/keys", "/v1/policy", "/v1/readers/r1/export"):
            answer = shared_http.client.get(path, headers={"Authorization": header})
            shared_http.problem(answer, 401, name)
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_two_authorization_headers_are_none(shared_http):
    header = shared_http.bearer("admin")["Authorization"].encode()
    answer = shared_http.client.get("/v1/keys", headers=[(b"authorization", header), (b"authorization", header)])
    shared_http.problem(answer, 401, "not-authenticated")


def test_credentials_in_the_query_are_not_read(shared_http):
    token = shared_http.bearer("admin")["Authorization"].removeprefix("Bearer ")
    shared_http.problem(shared_http.client.get(f"/v1/keys?access_token={token}"), 401, "not-authenticated")


def test_a_caller_beyond_its_rate_is_told_when_to_come_again(tmp_path):
    with running(tmp_path, rate_personal=1, rate_burst=3) as http:
        answers = [http.call("GET", "/v1/readers/r1/settings", "reader", subject="r1") for _ in range(6)]
        assert [answer.status_code for answer in answers].count(200) in (3, 4)
        refused = answers[-1]
        http.problem(refused, 429, "too-many-requests")
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["ratelimit"].startswith('"default";r=0;t=')
        assert refused.headers["ratelimit-policy"] == '"default";q=3;w=3'
        other = http.call("GET", "/v1/readers/r2/settings", "reader", subject="r2")
        assert other.status_code == 200
        assert http.client.get("/livez").status_code == 200


def test_guessing_keys_is_paid_for_by_the_address(tmp_path):
    with running(tmp_path, rate_personal=1, rate_burst=3) as http:
        guesses = [http.client.get("/v1/keys", headers={"Authorization": f"Bearer wk_{n}"}) for n in range(8)]
        assert guesses[0].status_code == 401
        http.problem(guesses[-1], 429, "too-many-requests")


def test_a_failure_nobody_expected_leaks_nothing(http: Http, monkeypatch, capfd):
    def broken(*_: object) -> None:
        raise RuntimeError("password=hunter2 in /etc/weir")

    monkeypatch.setattr("feed.routes.policy._ranking", broken)
    bearer = http.bearer("admin")
    answer = http.client.get("/v1/policy?secret=in-the-query", headers=bearer)
    told = http.problem(answer, 500, "internal")
    logged = "".join(capfd.readouterr())
    assert told["request_id"] in logged
    assert "RuntimeError" in logged
    assert bearer["Authorization"].split(".")[2] not in logged
    assert "in-the-query" not in logged
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
