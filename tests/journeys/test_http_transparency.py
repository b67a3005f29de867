"""The transparency report over HTTP: as JSON, as CSV and as a page, for anybody."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.journeys.http_service import Http, decision, running, until


@pytest.fixture(scope="module")
def acted(tmp_path_factory):
    """A service in which something was done, looked at before anybody asked for a report."""
    with running(tmp_path_factory.mktemp("weir")) as http:
        http.put_items()
        body = decision("takedown", "item-0", http.service.clock.now())
        assert http.call("POST", "/v1/decisions", "moderator", json=body).status_code == 201
        until(lambda: http.service.store.register("statements").count() == 1)
        for mode in ("personalized", "popular", "popular"):
            assert http.call("GET", f"/v1/feed?reader=r1&mode={mode}", "feed").status_code == 200
        http.service.servings.flush()
        http.service.servings._keep_counts()
        yield http


def as_json(http: Http, query: str = "") -> dict[str, Any]:
    answer = http.call("GET", f"/v1/transparency{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_anybody_reads_what_was_done_and_how_many_feeds_were_personalized(acted):
    told = as_json(acted)
    assert told["acts"]["by_tier"] == {"blocked": 1}
    assert (told["acts"]["automated"], told["acts"]["by_ground"]) == (0, {"INCOMPATIBLE_CONTENT": 1})
    assert told["decisions"]["by_type"] == {"takedown": 1}
    assert (told["feeds"]["total"], told["feeds"]["personalized"]) == (3, 1)


def test_an_unchanged_report_is_not_sent_again(acted):
    first = acted.call("GET", "/v1/transparency")
    again = acted.call("GET", "/v1/transparency", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_pages_that_were_counted_outlive_an_ordinary_stop(tmp_path):
    with running(tmp_path) as http:
        http.put_items()
        assert http.call("GET", "/v1/feed?reader=r1", "feed").status_code == 200
    with running(tmp_path) as http:
        assert as_json(http)["feeds"] == {"total": 1, "personalized": 1, "personalized_share": 1.0}


@pytest.mark.parametrize("asked", [{"headers": {"Accept": "text/csv"}}, {"params": {"format": "csv"}}])
def test_the_same_report_comes_as_csv(acted, asked):
    answer = acted.call("GET", "/v1/transparency", **asked)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {"section": "acts", "measure": "by_tier", "key": "blocked", "value": "1"} in rows


def test_a_period_has_no_more_than_what_happened_in_it(acted):
    told = as_json(acted, "?from=2021-01-01&to=2021-12-31")
    assert (told["since"], told["until"], told["acts"]["total"]) == ("2021-01-01", "2021-12-31", 0)
    assert as_json(acted, "?to=0001-01-10")["since"] == "0001-01-01"


@pytest.mark.parametrize(
    "query", ["?from=2026-02-02&to=2026-02-01", "?from=1990-01-01&to=2026-01-01", "?from=yesterday", "?format=xml"]
)
@pytest.mark.parametrize("path", ["/v1/transparency", "/transparency"])
def test_a_period_that_does_not_hold_is_refused(acted, path, query):
    if "format" in query and path == "/transparency":
        return
    acted.problem(acted.call("GET", path + query), 422, "input-invalid")


def test_the_page_runs_no_script_and_tells_the_same(acted):
    answer = acted.call("GET", "/transparency")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "script" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "1</b><span>restrictions, each with a statement" in answer.text
    assert "33%</b><span>of feeds were personalized" in answer.text
    again = acted.call("GET", "/transparency", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_anybody_reads_the_policy_in_plain_language_and_every_option_leads_somewhere(acted):
    told = acted.call("GET", "/v1/policy").json()
    assert told["criteria"][0]["name"] == "rules and decisions"
    known = set(acted.app.openapi()["paths"])
    for option in told["options"]:
        assert option["how"].split()[1] in known, option
