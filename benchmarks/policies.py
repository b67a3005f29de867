"""Compiling a policy of a hundred rules over a catalogue. Run it with ``python -m benchmarks.policies``."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.synthetic import NOW
from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.policy import Policy, content_hash
from controls.policy import load as load_policy
from controls.state import State
from ranking.building import CatalogueBuilder
from ranking.journal import Entry, ItemPublished, LabelGiven

_CHUNK = 100_000
_TIMES = 5
_CHANGES = 200


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """Seconds to compile ``rules`` rules over ``items`` items, and microseconds for one changed item (medians)."""

    rules: int
    items: int
    seconds: float
    one_item_us: float


def policy(rules: int) -> Policy:
    """Rules over labels, topics, region, language and age, no two of them alike."""
    written = [
        {
            "id": f"rule-{number}",
            "tier": "restricted",
            "when": _condition(number % 4, number // 4),
            "missing": "skip",
            "basis": {"kind": "terms", "clause": str(number)},
            "review_by": "2099-01-01",
        }
        for number in range(rules)
    ]
    return load_policy(json.dumps({"name": "measured", "rules": written}))


def _condition(kind: int, number: int) -> dict[str, object]:
    """A condition that no other rule has."""
    topics = [f"topic-{(number + each) % 40}" for each in range(5)]
    conditions: list[dict[str, object]] = [
        {"all": [{"signal": "label.rumour", "min": 0.5 + number / 100}, {"signal": "topic", "in": topics[:2]}]},
        {"any": [{"signal": "topic", "in": topics}, {"signal": "region", "in": ["FR"]}]},
        {"all": [{"signal": "label.spam", "min": 0.6 + number / 100}, {"not": {"signal": "language", "in": ["de"]}}]},
        {"signal": "item.age", "below": 3600 * (number + 1)},
    ]
    return conditions[kind]


def run(*, rules: int = 100, items: int = 1_000_000) -> PolicyRow:
    """Publish the policy over a whole catalogue, then change items one by one."""
    rng = np.random.default_rng(5)
    builder = CatalogueBuilder()
    for start in range(0, items, _CHUNK):
        stop = min(start + _CHUNK, items)
        entries: list[Entry] = [
            ItemPublished(f"i{n}", f"a{n % 1000}", (f"topic-{n % 40}",), NOW - n, "de" if n % 3 else "fr", "DE")
            for n in range(start, stop)
        ]
        entries += [
            LabelGiven(f"i{n}", "rumour" if n % 2 else "spam", float(rng.random()), "model", NOW)
            for n in range(start, stop, 5)
        ]
        builder.apply(entries)
    made = policy(rules)
    seconds, state = [], State(dict[str, Policy]().__getitem__)
    for _ in range(_TIMES):
        state = State({content_hash(made): made}.__getitem__)
        state.columns_changed(builder.view(), np.empty(0, dtype=np.int32))
        state.advance(NOW)
        state.governance()
        began = time.perf_counter()
        state.decide([_publication(made)])
        state.governance()
        seconds.append(time.perf_counter() - began)
    return PolicyRow(rules, items, statistics.median(seconds), _one_item(state, builder, items))


def _publication(made: Policy) -> Decision:
    return Decision(
        id="d1",
        type=DecisionType.PUBLISH_POLICY,
        subject=Subject(SubjectKind.PLATFORM, ""),
        actor="benchmark",
        role="admin",
        reason="to be measured",
        basis=Basis("operations", "measurement"),
        decided_at=NOW,
        starts_at=NOW,
        parameters={"policy": content_hash(made)},
        revision=1,
    )


def _one_item(state: State, builder: CatalogueBuilder, items: int) -> float:
    times = []
    for number in range(_CHANGES):
        changed = builder.apply([LabelGiven(f"i{number * 7 % items}", "rumour", 0.9, "person", NOW)])
        view = builder.view()
        began = time.perf_counter_ns()
        state.columns_changed(view, changed)
        times.append((time.perf_counter_ns() - began) / 1000)
    return statistics.median(times)


def main() -> None:
    """Print what was measured."""
    row = run()
    print(f"{row.rules} rules over {row.items:,} items: {row.seconds:.2f} s; one changed item {row.one_item_us:.0f} us")


if __name__ == "__main__":
    main()
