"""The write queue: decisions overtake events, events overtake Servings, and an erasure overtakes nothing."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from feed.storage.errors import StoreBusy, StoreClosed
from feed.storage.sql.queue import Job, Lane, WriteQueue

PLENTY = 1 << 20


def one(cursor, arguments):
    return arguments


def other(cursor, arguments):
    return arguments


def job(argument, lane=Lane.EVENTS, work=one, rows=1, size=10, after_all=False, alone=True):
    return Job(work, argument, lane, rows, size, after_all, Future(), alone=alone)


def queue_of(*jobs, rows=1000, size=PLENTY):
    queue = WriteQueue(rows, size)
    for each in jobs:
        queue.offer(each)
    return queue


def taken(queue, budget=None, most=PLENTY):
    budget = budget or [PLENTY] * 3
    steps = []
    while jobs := queue.take(budget, most):
        steps.append([each.argument for each in jobs])
    return steps


def test_lanes_are_served_in_their_order_and_each_first_come_first_served():
    queue = queue_of(
        job("s1", Lane.SERVINGS), job("e1"), job("d1", Lane.DECISIONS), job("e2"), job("d2", Lane.DECISIONS)
    )
    assert taken(queue) == [["d1", "d2"], ["e1", "e2"], ["s1"]]
    assert queue.depth() == 0


def test_only_neighbours_of_one_kind_are_taken_together():
    queue = queue_of(job(1), job(2), job(3, work=other), job(4))
    assert taken(queue) == [[1, 2], [3], [4]]


def test_a_decision_that_comes_between_two_steps_goes_first():
    queue = queue_of(*(job(n, size=40) for n in range(4)))
    budget = [PLENTY] * 3
    assert [each.argument for each in queue.take(budget, 60)] == [0, 1]
    queue.offer(job("d", Lane.DECISIONS))
    assert taken(queue, budget) == [["d"], [2, 3]]


def test_a_lane_without_budget_waits_while_the_others_go_on():
    queue = queue_of(job("e1", size=60), job("e2", size=60), job("e3"), job("s1", Lane.SERVINGS))
    assert taken(queue, [100, 100, 100]) == [["e1", "e2"], ["s1"]]
    assert taken(queue) == [["e3"]]


def test_a_job_larger_than_any_budget_is_taken_alone():
    queue = queue_of(job("huge", size=10 * PLENTY), job("small"), size=100 * PLENTY)
    assert taken(queue, [100, 100, 100]) == [["huge"]]


def test_an_erasure_waits_for_what_came_before_it_in_every_lane():
    queue = queue_of(
        job("e1", size=60),
        job("s1", Lane.SERVINGS),
        job("erase", Lane.SERVINGS, work=other, after_all=True),
        job("e2", size=60),
        job("s2", Lane.SERVINGS),
    )
    assert taken(queue, [10, 50, 100]) == [["e1"], ["s1"], ["erase"], ["s2"]]
    assert taken(queue) == [["e2"]]
    queue = queue_of(job("e1"), job("erase", Lane.SERVINGS, after_all=True))
    assert taken(queue, [0, 0, 100]) == [], "its turn has not come: an earlier event has no budget left"
    assert taken(queue) == [["e1"], ["erase"]]


def test_erasures_of_one_kind_are_taken_together_when_nothing_lies_between():
    queue = queue_of(job("a", Lane.SERVINGS, after_all=True), job("b", Lane.SERVINGS, after_all=True))
    assert taken(queue) == [["a", "b"]]


@pytest.mark.parametrize(("rows", "size"), [(10, PLENTY), (1000, 100)])
def test_a_full_lane_refuses_and_the_others_do_not(rows, size):
    queue = queue_of(job("e1", rows=5, size=50), job("e2", rows=5, size=50), rows=rows, size=size)
    with pytest.raises(StoreBusy, match="try again"):
        queue.offer(job("e3"))
    queue.offer(job("d", Lane.DECISIONS))
    assert taken(queue) == [["d"], ["e1", "e2"]]
    queue.offer(job("e3"))
    assert queue.depth() == 1


def test_a_job_larger_than_the_bounds_is_taken_into_an_empty_lane():
    queue = queue_of(job("huge", rows=5000))
    with pytest.raises(StoreBusy):
        queue.offer(job("small"))
    assert taken(queue) == [["huge"]]


def test_a_closed_queue_refuses_and_gives_out_what_it_has():
    queue = queue_of(job("e1"))
    queue.close()
    with pytest.raises(StoreClosed):
        queue.offer(job("e2"))
    assert queue.wait() is True
    assert taken(queue) == [["e1"]]
    assert queue.wait() is False


def test_waiting_ends_when_a_job_comes_and_when_the_queue_closes():
    queue = WriteQueue(10, PLENTY)
    seen = []

    def wait():
        while queue.wait():
            seen.append(taken(queue))

    waiter = threading.Thread(target=wait)
    waiter.start()
    done = threading.Event()
    queue.offer(job("e1"))
    while not seen and not done.wait(0.001):
        pass
    queue.close()
    waiter.join(timeout=30)
    assert not waiter.is_alive() and seen == [[["e1"]]]


def beside(queue, budget=None):
    return [each.argument for each in queue.take(budget or [PLENTY] * 3, PLENTY, alone=False)]


def test_what_must_be_alone_is_not_taken_beside_others_and_comes_next():
    queue = queue_of(job(1, alone=False), job(2, alone=False), job(3), job(4, alone=False))
    assert not queue.alone()
    assert beside(queue) == [1, 2] and beside(queue) == []
    assert queue.alone()
    assert taken(queue) == [[3, 4]]


def test_what_must_be_alone_is_not_passed_over_twice_however_much_waits_before_it():
    queue = queue_of(job("block", Lane.SERVINGS), *(job(n, size=40, alone=False) for n in range(9)))
    budget = [PLENTY, 40, PLENTY]
    assert not queue.alone() and beside(queue, budget) == [0] and beside(queue, budget) == []
    assert queue.alone()
    budget = [PLENTY, 40, PLENTY]
    assert [[each.argument for each in queue.take(budget, 40)] for _ in range(2)] == [[1], ["block"]]
    assert not queue.alone()
