"""Policies from draft to publication and back: whose they are, what they change, who approved them."""

from __future__ import annotations

import pytest

from controls.policy import content_hash, parse
from feed.pages.previewing import preview as made_preview
from feed.processes.offline import activation, decided
from feed.storage.entries import decode
from ranking.errors import GraphError
from ranking.graph import ItemGraph
from tests.unit.feed.decisions.deciding_office import NOW, office, read, send
from tests.unit.feed.models.model_making import shifted, stored

BASE = """\
name: house
rules:
  - id: spam
    tier: restricted
    when: {signal: label.spam, min: 0.5}
    missing: skip
    basis: {kind: terms, clause: "1"}
    review_by: 2099-01-01
"""
NEWS = (
    BASE
    + """\
  - id: no-news
    tier: blocked
    when: {signal: topic, in: [news]}
    missing: hold
    basis: {kind: terms, clause: "2"}
    review_by: 2099-01-01
"""
)
WHY = {"reason": "agreed on Monday"}


@pytest.fixture
def http(tmp_path):
    with office(tmp_path) as running:
        yield running


def drafted(http, text=BASE, who="pia/policy"):
    subject, _, scope = who.partition("/")
    given = {"headers": {"Content-Type": "application/yaml"}}
    answer = http.call("POST", "/v1/policy/drafts", scope, subject=subject, content=text, **given)
    assert answer.status_code == 201, answer.text
    return answer.json()


def published(http, text=BASE):
    version = drafted(http, text)["version"]
    assert send(http, "pat/policy", f"/v1/policy/drafts/{version}/approve").status_code == 200
    answer = send(http, "pia/policy", f"/v1/policy/drafts/{version}/publish", WHY)
    assert answer.status_code == 201, answer.text
    return version, answer.json()["decision"]


def in_force(http):
    return http.call("GET", "/v1/policy").json()["version"]


def test_a_draft_tells_whose_it_is_what_is_found_and_what_it_changes(http):
    told = drafted(http)
    assert (told["version"], told["name"], told["by"], told["at"]) == (content_hash(parse(BASE)), "house", "pia", NOW)
    assert [one["where"] for one in told["changes"]] == ["rules.spam"]
    assert [one["severity"] for one in told["findings"]] == ["warning"]
    assert drafted(http, who="pat/policy")["by"] == "pia"
    http.service.clock.advance(5)
    other = drafted(http, NEWS)
    listed = read(http, "/v1/policy/drafts?limit=1")
    assert [one["version"] for one in listed["drafts"]] == [other["version"]]
    following = read(http, f"/v1/policy/drafts?limit=1&after={listed['next']}")
    assert [one["version"] for one in following["drafts"]] == [told["version"]]
    against = read(http, f"/v1/policy/drafts/{other['version']}?against={told['version']}")
    assert [(one["kind"], one["where"]) for one in against["changes"]] == [("added", "rules.no-news")]
    missing = http.call("GET", f"/v1/policy/drafts/{'0' * 64}", "auditor")
    http.problem(missing, 404, "not-found")


def test_a_draft_that_somebody_else_approved_is_published_at_once(http):
    version, decision = published(http)
    assert (decision["actor"], decision["approved_by"]) == ("pia", "pat")
    assert in_force(http) == version
    assert read(http, f"/v1/policy/drafts/{version}")["approved_by"] == "pat"


def test_nobody_approves_their_own_draft(http):
    version = drafted(http)["version"]
    http.problem(send(http, "pia/policy", f"/v1/policy/drafts/{version}/approve"), 403, "needs-approval")
    http.problem(send(http, "pat/policy", "/v1/policy/drafts/none/approve"), 404, "not-found")


def test_a_draft_with_a_fatal_finding_is_not_approved(http):
    version = drafted(http, BASE.replace('    basis: {kind: terms, clause: "1"}\n', ""))["version"]
    http.problem(send(http, "pat/policy", f"/v1/policy/drafts/{version}/approve"), 422, "invalid-policy")


@pytest.mark.parametrize("approve", [False, True])
def test_publishing_without_another_persons_approval_waits_for_one(http, approve):
    version = drafted(http)["version"]
    if approve:
        send(http, "pat/policy", f"/v1/policy/drafts/{version}/approve")
    answer = send(http, "pat/policy", f"/v1/policy/drafts/{version}/publish", WHY)
    assert answer.status_code == 202 and in_force(http) == ""
    made = send(http, "pia/policy", f"/v1/decisions/{answer.json()['id']}/approve").json()["decision"]
    assert (made["actor"], made["approved_by"], in_force(http)) == ("pat", "pia", version)


def test_an_approval_ends(http):
    version = drafted(http)["version"]
    send(http, "pat/policy", f"/v1/policy/drafts/{version}/approve")
    http.service.clock.advance(72 * 3600)
    assert read(http, f"/v1/policy/drafts/{version}")["approved_until"] is None
    assert send(http, "pia/policy", f"/v1/policy/drafts/{version}/publish", WHY).status_code == 202


def test_breaking_the_glass_publishes_for_a_day(http):
    first, _ = published(http)
    version = drafted(http, NEWS)["version"]
    glass = {**WHY, "break_glass": True, "break_glass_reason": "it spreads"}
    assert send(http, "pia/policy", f"/v1/policy/drafts/{version}/publish", glass).status_code == 201
    assert in_force(http) == version
    http.service.clock.advance(86_400)
    http.service.replica.wake()
    http.settled()
    assert [one["in_force"] for one in read(http, "/v1/policy/versions")["publications"]] == [False, True]
    assert first == read(http, "/v1/policy/versions")["publications"][1]["version"]


def test_a_rollback_brings_back_what_held_before_by_a_decision(http):
    http.problem(send(http, "pia/policy", "/v1/policy/rollback", WHY), 409, "conflict")
    first, _ = published(http)
    second, decision = published(http, NEWS)
    answer = send(http, "pat/policy", "/v1/policy/rollback", {"reason": "too much"}, "k")
    assert answer.json()["decision"]["reverses"] == decision["id"]
    assert in_force(http) == first
    again = send(http, "pat/policy", "/v1/policy/rollback", {"reason": "too much"}, "k")
    assert again.json()["decision"]["id"] == answer.json()["decision"]["id"] and in_force(http) == first
    told = read(http, "/v1/policy/versions")["publications"]
    assert [(one["version"], one["in_force"], bool(one["reversed_by"])) for one in told] == [
        (second, False, True),
        (first, True, False),
    ]
    page = read(http, "/v1/policy/versions?limit=1")
    rest = read(http, f"/v1/policy/versions?limit=1&before={page['next']}")
    assert [one["version"] for one in page["publications"] + rest["publications"]] == [second, first]
    assert rest["next"] is None


def preview(http, version, **body):
    return send(http, "pia/policy", f"/v1/policy/drafts/{version}/preview", body)


def test_a_preview_tells_who_gains_and_loses_on_pages_that_were_served(http):
    base, _ = published(http)
    for reader in ("r1", "r2", "r3"):
        http.call("GET", f"/v1/feed?reader={reader}&limit=10&mode=latest", "feed")
    assert http.service.servings.flush()
    told = preview(http, drafted(http, NEWS)["version"]).json()
    assert (told["asked"], told["compared"], told["faithful"], told["changed"]) == (3, 3, 3, 3)
    assert told["against"] == base and told["changed_share"]["estimate"] == 1.0
    assert told["places"] == {"before": 30, "after": 30}
    lost = {one["id"]: (one["before"], one["after"]) for one in told["lost_places"]["topics"]}
    assert lost == {"news": (9, 0)}
    gained = {one["id"] for one in told["gained"]["items"]}
    assert gained == {"item-10", "item-11", "item-13"}
    assert sum(one["change"] for one in told["gained"]["topics"]) == 9
    assert http.service.store.ledger.head() == 1
    same = preview(http, base).json()
    assert (same["changed"], same["moved"]) == (0, {"items": 0, "authors": 0, "topics": 0})


def test_a_preview_folds_ledger_and_journal_once(http, monkeypatch):
    published(http)
    for reader in ("r1", "r2", "r3"):
        http.call("GET", f"/v1/feed?reader={reader}&limit=10&mode=latest", "feed")
    assert http.service.servings.flush()
    read: list[bytes] = []

    def noted(entries):
        read.append(entries)
        return decode(entries)

    monkeypatch.setattr("feed.control.follow.decode", noted)
    draft = drafted(http, NEWS)["version"]
    servings = http.service.store.servings.newest(10)
    made_preview(http.service.store, http.service.policies, http.service.graphs, servings, draft, "")
    assert len(read) == len({bytes(entries) for entries in read}) == servings[0].edition


def test_a_preview_counts_what_was_erased_and_what_was_served_under_another_policy(http):
    for reader in ("r1", "r2"):
        http.call("GET", f"/v1/feed?reader={reader}&limit=10&mode=latest", "feed")
    assert http.service.servings.flush()
    http.service.store.readers.erase("r1", NOW + 1).result()
    news, _ = published(http, NEWS)
    told = preview(http, drafted(http)["version"]).json()
    assert (told["asked"], told["erased"], told["compared"], told["faithful"]) == (2, 1, 1, 0)
    assert {one["id"] for one in told["gained"]["topics"]} == {"news"}
    none = preview(http, news, against="", servings=1).json()
    assert (none["against"], none["asked"]) == ("", 1)


def test_a_preview_without_pages_or_with_too_many_says_so(http):
    version = drafted(http)["version"]
    told = preview(http, version).json()
    assert (told["asked"], told["compared"], told["changed_share"]) == (0, 0, None)
    http.problem(preview(http, version, servings=501), 422, "input-invalid")
    http.problem(preview(http, version, against="none"), 404, "not-found")


def test_a_preview_counts_pages_whose_model_is_gone(http):
    version, _ = published(http)
    http.call("GET", "/v1/feed?reader=r1&limit=5&mode=latest", "feed")
    model = stored(http, shifted(1))
    decided(http.service, activation(model, "for the test"))
    http.call("GET", "/v1/feed?reader=r2&limit=5&mode=latest", "feed")
    assert http.service.servings.flush()

    def gone(version: str) -> ItemGraph:
        raise GraphError(f"no model {version!r}")

    servings = http.service.store.servings.newest(10)
    assert {one.model for one in servings} == {"", model}
    told = made_preview(http.service.store, http.service.policies, gone, servings, version, version)
    assert (told.asked, told.lost, told.report.pages, told.faithful) == (2, 1, 1, 1)
