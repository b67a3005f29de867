"""Law 9: every Restriction yields one statement, whatever happens, in whatever order, and however often it crashes."""

from __future__ import annotations

from collections import defaultdict

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controls.restrictions import Holding, holding
from controls.statements import StatementFields
from feed.transparency.statement_papers import every, restriction_of, restrictions_of, statements_of
from tests.unit.feed.control.stated_place import NOW, QUIET, Place

ITEMS = ("i1", "i2", "i3")
_ITEM = st.sampled_from(ITEMS)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("label"), _ITEM, st.sampled_from([0.1, 0.9])),
        st.tuples(st.just("takedown"), _ITEM, st.sampled_from([40, 10_000])),
        st.tuples(st.just("suppress"), st.just("ann"), st.sampled_from([40, 10_000])),
        st.tuples(st.just("reverse"), st.integers(0, 5), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([1, 20, QUIET, 3 * QUIET]), st.none()),
        st.tuples(st.just("crash"), st.none(), st.none()),
        st.tuples(st.just("write"), st.none(), st.none()),
    ),
    max_size=25,
)


class Watched(Place):
    """Remembers by itself what every Snapshot held below standard, and when."""

    def __init__(self) -> None:
        self.held: defaultdict[tuple[str, Holding], set[int]] = defaultdict(set)
        self.made: list[tuple[str, str]] = []
        super().__init__()
        self.put(*ITEMS)
        self.publish()
        self.turn()

    def swap(self) -> None:
        super().swap()
        snapshot = self.fold.snapshot()
        for row, cls in enumerate(snapshot.governance.class_of.tolist()):
            for pair in snapshot.governance.asked(cls):
                one = holding(*pair)
                if one is not None:
                    self.held[snapshot.catalogue.ids[row], one].add(snapshot.as_of)

    def step(self, what: str, about: object, how: object) -> None:
        now = self.clock.now()
        if what == "label":
            self.label(str(about), float(str(how)))
        elif what in ("takedown", "suppress"):
            subject = f"{'item' if what == 'takedown' else 'author'}:{about}"
            self.made.append((self.decide(what, subject, expires_at=now + int(str(how))), subject))
        elif what == "reverse" and self.made:
            target, subject = self.made.pop(int(str(about)) % len(self.made))
            self.decide("reverse", subject, reverses=target)
        elif what == "wait":
            self.clock.advance(int(str(about)))
        elif what == "crash":
            self.restart()
        self.swap()
        # Of what a rule held, the last turn before a crash may go unstated.
        if what in ("write", "wait", "label"):
            self.restricting.derive()


_HELD = [("label", "i1", 0.9), ("wait", 20, None)]


@given(_STEPS)
@example([*_HELD, ("crash", None, None)])
@example([*_HELD, ("label", "i1", 0.1), ("crash", None, None)])
@example([("suppress", "ann", 40), ("reverse", 0, None), ("crash", None, None)])
@example([("label", "i1", 0.9), ("crash", None, None), ("wait", 20, None), ("crash", None, None)])
@settings(max_examples=60)
def test_whatever_held_an_item_is_stated_once_and_nothing_else_is(steps):
    place = Watched()
    for step in steps:
        place.step(*step)
    place.turn()
    place.turn(2 * QUIET)
    restrictions = [restriction_of(entry) for entry in every(restrictions_of(place.store))]
    statements = list(every(statements_of(place.store)))
    assert sorted(entry.id for entry in statements) == sorted(one.id for one in restrictions)
    for key, seconds in place.held.items():
        mine = [one for one in restrictions if (one.item, one.holding) == key]
        for second in seconds:
            covering = [one for one in mine if one.from_at <= second and (one.until is None or second <= one.until)]
            # One that ends at the second at which the next begins touches it.
            assert 1 <= len(covering) <= 2, (key, second, mine)
            assert len({one.from_at for one in covering}) == len(covering)
        holds = place.clock.now() in seconds
        assert len([one for one in mine if one.until is None]) == holds
    assert {(one.item, one.holding) for one in restrictions} <= place.held.keys() | _undone_at_once(place)
    for entry in statements:
        assert entry.at >= NOW and StatementFields.model_validate(_fields(entry.content))


def _undone_at_once(place: Watched) -> set[tuple[str, Holding]]:
    """What was undone before any Snapshot showed it is stated, too."""
    kept = [restriction_of(entry) for entry in every(restrictions_of(place.store))]
    return {(one.item, one.holding) for one in kept if one.until == one.from_at}


def _fields(content: str) -> dict[str, object]:
    fields: dict[str, object] = orjson.loads(content)["fields"]
    return fields
