"""Who pays for a request: each key, each reader and each address for itself, and whoever guesses for guessing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.feed.cases.case_office import Office, office

RATES: dict[str, Any] = {"rate_personal": 1, "rate_service": 2, "rate_burst": 3}


@pytest.fixture
def desk(tmp_path):
    with office(tmp_path, **RATES) as opened:
        yield opened


def statuses(desk: Office, times: int, path: str, who: str = "", **more: Any) -> list[int]:
    return [desk.call("GET", path, who, **more).status_code for _ in range(times)]


def key(desk: Office, name: str) -> dict[str, str]:
    made = desk.done("POST", "/v1/keys", f"admin:{name}", json={"name": name, "scopes": ["feed"]})["key"]
    return {"Authorization": f"Bearer {made}"}


def test_each_reader_pays_for_itself_whatever_its_token(desk):
    path = "/v1/readers/{}/settings"
    assert statuses(desk, 4, path.format("r1"), "reader:r1") == [200, 200, 200, 429]
    assert statuses(desk, 1, path.format("r2"), "reader:r2") == [200]
    # A newer token of the same reader is the same account.
    assert desk.call("GET", path.format("r1"), "reader:r1").status_code == 429


def test_each_api_key_pays_for_itself(desk):
    first, second = key(desk, "one"), key(desk, "two")
    assert statuses(desk, 7, "/v1/feed?reader=r", headers=first) == [200] * 6 + [429]
    assert statuses(desk, 1, "/v1/feed?reader=r", headers=second) == [200]


def test_guessing_is_paid_by_the_address_and_not_by_who_calls_from_it_rightly(desk):
    wrong = {"Authorization": "Bearer wk_" + "x" * 43}
    assert statuses(desk, 5, "/v1/feed?reader=r", headers=wrong) == [401, 401, 401, 429, 429]
    assert statuses(desk, 1, "/v1/policy") == [429]
    assert statuses(desk, 1, "/v1/readers/r1/settings", "reader:r1") == [200]
    assert statuses(desk, 2, "/livez") == [200, 200]


def test_a_bucket_fills_again_with_time_alone(desk):
    assert statuses(desk, 4, "/v1/policy") == [200, 200, 200, 429]
    desk.clock.advance(1)
    assert statuses(desk, 2, "/v1/policy") == [200, 429]
