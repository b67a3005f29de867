"""Foresight: what a policy says of an item beforehand is what the fold then says of it."""

from __future__ import annotations

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from controls.causes import Cause, Contribution
from controls.foresight import HELD, PUBLISHED, WITHHELD, Coming, Foresight, state_of
from controls.tiers import Tier
from tests.unit.controls.building import Sandbox, policy, rule
from tests.unit.controls.plain_columns import PlainItem

NOW = 1_800_000_000
WORDS = st.sampled_from(["", "x", "y"])
POLICY = policy(
    rule({"signal": "label.spam", "min": 0.5, "max_age": "1h"}, id="spam", missing="hold"),
    rule({"signal": "author.standing", "below": 50}, id="low", tier="blocked", missing="apply"),
    rule({"signal": "topic", "in": ["x"]}, id="topic", missing="skip", effect={"notice": "n"}),
    rule({"not": {"signal": "author.identity", "in": ["x"]}}, id="gate", missing="apply", effect={"hold": True}),
    rule({"any": [{"signal": "language", "in": ["y"]}, {"signal": "region", "in": ["y"]}]}, id="where"),
    rule({"all": [{"signal": "item.age", "above": "1d"}, {"signal": "community", "in": ["x"]}]}, id="old"),
    rule({"any": [{"signal": "author.kind", "in": ["y"]}, {"signal": "author.id", "in": ["y"]}]}, id="who"),
)
ITEMS = st.builds(
    PlainItem,
    id=st.just("i"),
    author=WORDS,
    topics=st.lists(st.sampled_from(["x", "y"]), unique=True).map(tuple),
    published_at=st.sampled_from([0, NOW - 90_000, NOW - 60]),
    language=WORDS,
    region=WORDS,
    community=WORDS,
    labels=st.dictionaries(st.just("spam"), st.tuples(st.floats(0, 1), st.sampled_from([NOW - 7200, NOW - 60]))),
    standing=st.none() | st.sampled_from([10.0, 90.0]),
    kind=WORDS,
    identity=WORDS,
)


@given(ITEMS)
def test_what_is_foreseen_is_what_the_fold_says(item: PlainItem) -> None:
    sandbox = Sandbox(item, p=POLICY)
    sandbox.state.advance(NOW)
    sandbox.publish("p")
    governance = sandbox.state.governance()
    coming = Coming(
        item=item.id,
        author=item.author,
        topics=item.topics,
        community=item.community,
        language=item.language,
        region=item.region,
        published_at=item.published_at,
        kind=item.kind,
        identity=item.identity,
        standing=nan if item.standing is None else item.standing,
        labels=item.labels,
    )
    foreseen = Foresight(POLICY).asked(coming, NOW)
    assert set(foreseen) == set(governance.asked(int(governance.class_of[0])))


def test_what_becomes_of_an_item_is_told_by_the_strictest_of_its_causes() -> None:
    hold = Cause("rule", "h", "held"), Contribution(ineligible=True, held=True)
    release = Cause("decision", "r", "released"), Contribution(releases=True)
    block = Cause("decision", "t", "taken down"), Contribution(tier=Tier.BLOCKED)
    notice = Cause("rule", "n", "noticed"), Contribution(notices=("n",))
    assert state_of([]) == (PUBLISHED, ())
    assert state_of([notice]) == (PUBLISHED, ())
    assert state_of([hold, notice]) == (HELD, (hold[0],))
    assert state_of([hold, release]) == (PUBLISHED, ())
    assert state_of([hold, block]) == (WITHHELD, (block[0], hold[0]))
    assert state_of([release, block]) == (WITHHELD, (block[0],))
