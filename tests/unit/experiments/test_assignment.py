"""Assignment: fixed, balanced, independent between experiments, and a function of two ids alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from controls.experiments import Arm, Experiment
from controls.policy import Policy
from controls.scopes import AgeClass, Audience, Scope, SurfaceKind
from experiments.assignment import Assigner, arm_of, bucket_of
from ranking.fold import Fold
from ranking.graph import ItemGraph
from ranking.parameters import Parameters
from ranking.snapshot import Snapshot

READERS = [f"reader-{number}" for number in range(20_000)]
HOME, TOPIC = SurfaceKind.HOME, SurfaceKind.TOPIC
ADULT = Audience("DE", AgeClass.ADULT, "de")


def experiment(
    id: str = "e1", *shares: int, scope: Scope | None = None, sets: Mapping[str, int] | None = None
) -> Experiment:
    """Arms a, b, …; the last of them sets what is given."""
    given = shares or (500, 500)
    arms = [Arm("abcdefghij"[n], share, ()) for n, share in enumerate(given)]
    arms[-1] = replace(arms[-1], sets=tuple(sorted((sets or {}).items())))
    return Experiment(id, id, tuple(arms), "click", "per_reader", scope or Scope(), 0, 100)


def no_policy(digest: str) -> Policy:
    raise KeyError(digest)


def no_graph(version: str) -> ItemGraph:
    raise KeyError(version)


def snapshot(*running: Experiment) -> Snapshot:
    """An empty Snapshot with experiments in force."""
    empty = Fold(no_policy, no_graph).snapshot()
    return replace(empty, governance=replace(empty.governance, experiments=running))


@pytest.mark.parametrize(
    ("id", "reader", "digest", "bucket"),
    [
        # From `printf 'e1\nr1' | b2sum -l 64`, another implementation of BLAKE2b; 0x4632… / 2^64 = 0.2742…
        ("e1", "r1", 0x4632ECD55D5D15FA, 274),
        ("e1", "r2", 0x737CA77B38853C10, 451),
        ("e2", "r1", 0xD778A3946487573D, 841),
        ("0123456789abcdef", "läser-Ω", 0x2DD561F66D06BC21, 179),
    ],
)
def test_a_readers_place_is_that_of_the_published_hash(id: str, reader: str, digest: int, bucket: int) -> None:
    assert bucket_of(id, reader) == bucket == math.floor(digest / 2**64 * 1000)


def test_every_place_is_as_likely() -> None:
    counts = Counter(bucket_of("balance", reader) for reader in READERS)
    assert set(counts) <= set(range(1000))
    expected = len(READERS) / 1000
    chi_square = sum((counts[place] - expected) ** 2 / expected for place in range(1000))
    # 999 degrees of freedom: mean 999, standard deviation 44.7.
    assert abs(chi_square - 999) < 4 * 44.7


@pytest.mark.parametrize("shares", [(500, 500), (900, 100), (1, 999), (100, 100), (300, 300, 300)])
def test_arms_get_their_shares_and_what_is_left_is_in_none(shares: tuple[int, ...]) -> None:
    running = experiment("shares", *shares)
    found = Counter(arm.name if arm else "" for arm in (arm_of(running, reader) for reader in READERS))
    wanted = {**{"abc"[n]: share for n, share in enumerate(shares)}, "": 1000 - sum(shares)}
    for name, share in wanted.items():
        chance = share / 1000
        spread = math.sqrt(len(READERS) * chance * (1 - chance))
        assert abs(found[name] - len(READERS) * chance) <= 4 * spread + 1e-9


def test_experiments_draw_independently_of_each_other() -> None:
    """A two-by-two table of the arms in each pair of experiments: chi-square with one degree of freedom."""
    running = [experiment(f"independent-{n}") for n in range(6)]
    for one in running:
        for other in running[running.index(one) + 1 :]:
            table = Counter((bucket_of(one.id, r) < 500, bucket_of(other.id, r) < 500) for r in READERS)
            expected = len(READERS) / 4
            assert sum((count - expected) ** 2 / expected for count in table.values()) < 22  # p about 5e-5, 3 dof


def test_a_reader_stays_in_their_arm_whatever_else_runs_and_wherever_it_is_asked() -> None:
    one, other = experiment("one", sets={"weight_click": 7}), experiment("two", sets={"fresh_every": 3})
    for reader in READERS[:50]:
        alone = Assigner().assigned(snapshot(one), reader, HOME, ADULT).arms["one"]
        beside = Assigner().assigned(snapshot(one, other), reader, TOPIC, Audience()).arms
        assert beside["one"] == alone and set(beside) == {"one", "two"}


def test_arms_set_their_parameters_side_by_side_and_nothing_else() -> None:
    running = snapshot(experiment("one", sets={"weight_click": 7}), experiment("two", sets={"fresh_every": 3}))
    assigner, seen = Assigner(), set()
    for reader in READERS[:200]:
        told = assigner.assigned(running, reader, HOME, ADULT)
        expected = Parameters()
        if told.arms["one"] == "b":
            expected = replace(expected, weight_click=7)
        if told.arms["two"] == "b":
            expected = replace(expected, fresh_every=3)
        assert told.parameters == expected
        seen.add(tuple(told.arms.values()))
    assert len(seen) == 4


def test_an_experiment_reaches_its_scope_and_no_audience_that_is_not_known_to_be_inside() -> None:
    scope = Scope(("home",), ("DE",), "adult")
    running, assigner = snapshot(experiment("scoped", scope=scope, sets={"weight_click": 7})), Assigner()

    def arms(surface: SurfaceKind, audience: Audience) -> bool:
        return bool(assigner.assigned(running, "r1", surface, audience).arms)

    assert arms(HOME, ADULT)
    assert not arms(TOPIC, ADULT)
    assert not arms(HOME, Audience("FR", AgeClass.ADULT))
    assert not arms(HOME, Audience("DE", AgeClass.UNKNOWN))
    assert not arms(HOME, Audience("*", AgeClass.ADULT))


def test_readers_outside_all_arms_have_the_usual_parameters_themselves() -> None:
    running = snapshot(experiment("tiny", 1, 1, sets={"weight_click": 7}))
    outside = next(reader for reader in READERS if bucket_of("tiny", reader) > 1)
    told = Assigner().assigned(running, outside, HOME, ADULT)
    assert told.arms == {} and told.parameters is running.parameters


def test_the_same_arms_are_the_same_object_from_snapshot_to_snapshot() -> None:
    running, assigner = snapshot(experiment("one", sets={"weight_click": 7})), Assigner()
    later = replace(running, as_of=running.as_of + 1)
    first = assigner.assigned(running, "r1", HOME, ADULT)
    assert assigner.assigned(later, "r1", HOME, ADULT) is first
    changed = snapshot(experiment("one", sets={"weight_click": 8}))
    assert assigner.assigned(changed, "r1", HOME, ADULT) is not first


@pytest.mark.parametrize("sets", [{"gone_since": 1}, {"weight_click": 10**6}])
def test_an_experiment_that_this_release_cannot_set_rests(sets: dict[str, int]) -> None:
    running = snapshot(experiment("older", sets=sets), experiment("one", sets={"weight_click": 7}))
    assert set(Assigner().assigned(running, "r1", HOME, ADULT).arms) == {"one"}
