from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from feed.limits import Buckets, Rate, limited


def test_a_burst_passes_and_what_follows_at_once_does_not():
    buckets, rate = Buckets(), Rate(per_second=10, burst=2)
    taken = [buckets.take("a", rate, 0.0) for _ in range(21)]
    assert [allowance.allowed for allowance in taken] == [True] * 20 + [False]
    assert taken[0].remaining == 19
    assert taken[19].remaining == 0
    assert taken[20].seconds == pytest.approx(0.1)


def test_a_bucket_refills_at_its_rate():
    buckets, rate = Buckets(), Rate(per_second=10, burst=1)
    for _ in range(10):
        buckets.take("a", rate, 0.0)
    assert not buckets.take("a", rate, 0.05).allowed
    assert buckets.take("a", rate, 0.11).allowed
    assert not buckets.take("a", rate, 0.11).allowed


def test_refused_requests_cost_nothing():
    buckets, rate = Buckets(), Rate(per_second=1, burst=1)
    assert buckets.take("a", rate, 0.0).allowed
    for _ in range(100):
        assert not buckets.take("a", rate, 0.5).allowed
    assert buckets.take("a", rate, 1.01).allowed


def test_accounts_do_not_pay_for_each_other():
    buckets, rate = Buckets(), Rate(per_second=1, burst=1)
    assert buckets.take("a", rate, 0.0).allowed
    assert buckets.take("b", rate, 0.0).allowed


def test_rates_below_one_a_second_let_one_request_through():
    buckets, rate = Buckets(), Rate(per_second=0.1, burst=1)
    assert buckets.take("a", rate, 0.0).allowed
    assert not buckets.take("a", rate, 9.0).allowed
    assert buckets.take("a", rate, 10.1).allowed


def test_memory_for_accounts_is_bounded():
    buckets, rate = Buckets(accounts=10), Rate(per_second=1, burst=5)
    for number in range(100):
        buckets.take(f"account {number}", rate, 0.0)
    assert len(buckets._full_at) <= 10


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200), st.floats(0.5, 50), st.floats(1, 5))
def test_no_window_lets_through_more_than_rate_and_burst(pauses, per_second, burst):
    buckets, rate = Buckets(), Rate(per_second, burst)
    now, passed = 0.0, []
    for pause in pauses:
        now += pause
        if buckets.take("a", rate, now).allowed:
            passed.append(now)
    for start in range(len(passed)):
        for end in range(start, len(passed)):
            most = per_second * (passed[end] - passed[start]) + max(per_second * burst, 1)
            assert end - start + 1 <= most + 1e-3


def test_headers_follow_the_draft():
    buckets, rate = Buckets(), Rate(per_second=10, burst=2)
    assert rate.policy == b'"default";q=20;w=2'
    assert buckets.take("a", rate, 0.0).field == b'"default";r=19;t=1'


def test_a_body_without_declared_length_is_cut_at_the_limit():
    chunks = [b"x" * 600, b"x" * 600]

    async def receive():
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def read():
        counted = limited(receive, 1000)
        await counted()
        with pytest.raises(HTTPException) as refused:
            await counted()
        assert refused.value.status_code == 413

    anyio.run(read)
