"""The join of contributions: each part on its own, strictest wins."""

from __future__ import annotations

import pytest

from controls.causes import Contribution
from controls.join import WEIGHT_CAP, WEIGHT_FLOOR, Verdict, join
from controls.scopes import AgeClass, Audience, Scope, Sensitive, SurfaceKind
from controls.sensitivity import Sensitivity
from controls.tiers import Tier
from controls.verdicts import ALL_SOURCES, NO_EFFECTS, WEIGHT_ONE, Effects, Source
from tests.unit.controls.building import ADULT, HOME, NOBODY_KNOWN

HALF, DOUBLE = WEIGHT_ONE // 2, WEIGHT_ONE * 2
GERMANY = Scope(regions=("DE",))
MINORS = Scope(audience="minor")


def joined(*contributions: Contribution, audience: Audience = ADULT, surface: SurfaceKind = HOME) -> Verdict:
    return join(contributions, audience, surface)


def test_nothing_gives_the_standard_verdict() -> None:
    assert joined() == Verdict(True, Tier.STANDARD, WEIGHT_ONE, ALL_SOURCES, NO_EFFECTS)


@pytest.mark.parametrize(
    ("tiers", "strictest"),
    [
        ((Tier.ENCOURAGED,), Tier.ENCOURAGED),
        ((Tier.ENCOURAGED, Tier.STANDARD), Tier.STANDARD),
        ((Tier.ENCOURAGED, Tier.RESTRICTED, Tier.STANDARD), Tier.RESTRICTED),
        ((Tier.BLOCKED, Tier.ENCOURAGED), Tier.BLOCKED),
    ],
)
def test_the_strictest_tier_wins(tiers: tuple[Tier, ...], strictest: Tier) -> None:
    verdict = joined(*(Contribution(tier=tier) for tier in tiers))
    assert verdict.tier is strictest
    assert verdict.eligible is (strictest is not Tier.BLOCKED)


def test_one_ineligible_contribution_is_enough() -> None:
    assert not joined(Contribution(ineligible=True), Contribution(tier=Tier.ENCOURAGED)).eligible


def test_weights_multiply_down_to_the_floor() -> None:
    assert joined(Contribution(weight=HALF), Contribution(weight=HALF)).weight == WEIGHT_ONE // 4
    assert joined(*[Contribution(weight=HALF)] * 20).weight == WEIGHT_FLOOR


def test_boosts_multiply_up_to_the_cap() -> None:
    assert joined(Contribution(weight=DOUBLE), Contribution(weight=WEIGHT_ONE * 3 // 2)).weight == WEIGHT_ONE * 3
    assert joined(*[Contribution(weight=DOUBLE)] * 20).weight == WEIGHT_CAP
    assert joined(*[Contribution(weight=DOUBLE)] * 20, Contribution(weight=HALF)).weight == WEIGHT_CAP // 2


def test_a_boost_never_lifts_a_restricted_item() -> None:
    restricted = Contribution(tier=Tier.RESTRICTED, tier_weight=HALF)
    assert joined(restricted, Contribution(weight=DOUBLE)).weight == HALF


def test_the_tiers_own_weight_counts_once_and_only_for_the_tier_that_won() -> None:
    restricted = Contribution(tier=Tier.RESTRICTED, tier_weight=HALF)
    encouraged = Contribution(tier=Tier.ENCOURAGED, tier_weight=DOUBLE)
    assert joined(restricted, Contribution(tier=Tier.RESTRICTED, tier_weight=HALF, weight=HALF)).weight == HALF // 2
    assert joined(encouraged).weight == DOUBLE
    assert joined(encouraged, Contribution(tier=Tier.STANDARD)).weight == WEIGHT_ONE


def test_rounding_happens_once_whatever_the_order() -> None:
    odd = [Contribution(weight=weight) for weight in (1_000, 333, 777, 1_500, 1_111)]
    assert joined(*odd).weight == joined(*reversed(odd)).weight
    assert joined(*odd).weight == 1_000 * 333 * 777 * (1_500 * 1_111 // 1_024) // 1_024**3


def test_allowed_sources_are_those_that_every_deciding_contribution_allows() -> None:
    graph, popular = 1 << Source.GRAPH, 1 << Source.POPULAR
    assert joined(Contribution(tier=Tier.RESTRICTED, sources=graph | popular)).sources == graph | popular
    both = joined(
        Contribution(tier=Tier.RESTRICTED, sources=graph | popular), Contribution(tier=Tier.RESTRICTED, sources=graph)
    )
    assert both.sources == graph
    assert (
        joined(Contribution(tier=Tier.ENCOURAGED, sources=graph), Contribution(tier=Tier.STANDARD)).sources
        == ALL_SOURCES
    )


def test_a_restricted_item_is_never_pinned() -> None:
    assert not joined(Contribution(tier=Tier.RESTRICTED)).sources & 1 << Source.PIN
    assert joined(Contribution(tier=Tier.STANDARD)).sources & 1 << Source.PIN


def test_notices_and_disabled_interactions_are_gathered_and_sorted() -> None:
    verdict = joined(
        Contribution(notices=("late",), disabled=("share", "like")),
        Contribution(notices=("early",), disabled=("share",)),
    )
    assert verdict.effects == Effects(("early", "late"), ("like", "share"))


@pytest.mark.parametrize(
    ("chosen", "age", "becomes"),
    [
        (Sensitive.UNCHOSEN, AgeClass.ADULT, Sensitive.WARN),
        (Sensitive.HIDE, AgeClass.ADULT, Sensitive.HIDE),
        (Sensitive.WARN, AgeClass.ADULT, Sensitive.WARN),
        (Sensitive.SHOW, AgeClass.ADULT, Sensitive.SHOW),
        (Sensitive.SHOW, AgeClass.MINOR, Sensitive.HIDE),
        (Sensitive.SHOW, AgeClass.UNKNOWN, Sensitive.HIDE),
    ],
)
def test_a_sensitive_item_becomes_what_its_reader_chose_and_minors_may_have(
    chosen: Sensitive, age: AgeClass, becomes: Sensitive
) -> None:
    graphic = Contribution(sensitive=Sensitivity("graphic", Sensitive.WARN, Sensitive.HIDE))
    verdict = joined(graphic, audience=Audience("DE", age, sensitive=chosen))
    assert verdict.eligible is (becomes is not Sensitive.HIDE)
    assert verdict.effects == Effects(("graphic",) if becomes is Sensitive.WARN else ())


def test_of_several_words_on_sensitive_items_the_strictest_counts() -> None:
    mild = Contribution(sensitive=Sensitivity("loud", Sensitive.SHOW, Sensitive.SHOW))
    strict = Contribution(sensitive=Sensitivity("graphic", Sensitive.HIDE, Sensitive.HIDE))
    assert joined(mild).eligible
    assert not joined(mild, strict).eligible and not joined(strict, mild).eligible
    warned = joined(mild, strict, audience=Audience("DE", AgeClass.ADULT, sensitive=Sensitive.WARN))
    assert warned.effects == Effects(("graphic", "loud"))


def test_what_is_out_of_scope_says_nothing() -> None:
    blocked = Contribution(scope=GERMANY, tier=Tier.BLOCKED)
    assert not joined(blocked, audience=Audience("DE", AgeClass.ADULT)).eligible
    assert joined(blocked, audience=Audience("FR", AgeClass.ADULT)).eligible
    home = Contribution(scope=Scope(surfaces=("home",)), ineligible=True)
    assert joined(home, surface=SurfaceKind.RELATED).eligible


def test_an_unknown_audience_is_inside_what_restricts_and_outside_what_favours() -> None:
    for scope in (GERMANY, MINORS):
        assert not joined(Contribution(scope=scope, tier=Tier.BLOCKED), audience=NOBODY_KNOWN).eligible
        assert not joined(Contribution(scope=scope, ineligible=True), audience=NOBODY_KNOWN).eligible
        assert joined(Contribution(scope=scope, weight=HALF), audience=NOBODY_KNOWN).weight == HALF
        assert joined(Contribution(scope=scope, weight=DOUBLE), audience=NOBODY_KNOWN).weight == WEIGHT_ONE
        assert joined(Contribution(scope=scope, tier=Tier.ENCOURAGED), audience=NOBODY_KNOWN).tier is Tier.STANDARD
        assert joined(Contribution(scope=scope, notices=("n",)), audience=NOBODY_KNOWN).effects.notices == ("n",)


def test_each_part_of_one_contribution_is_joined_on_its_own() -> None:
    mixed = Contribution(scope=GERMANY, tier=Tier.ENCOURAGED, tier_weight=DOUBLE, notices=("n",), disabled=("share",))
    verdict = joined(mixed, audience=NOBODY_KNOWN)
    assert (verdict.tier, verdict.weight) == (Tier.STANDARD, WEIGHT_ONE)
    assert verdict.effects == Effects(("n",), ("share",))


@pytest.mark.parametrize(
    ("contribution", "favours"),
    [
        (Contribution(tier=Tier.ENCOURAGED), True),
        (Contribution(weight=DOUBLE), True),
        (Contribution(weight=HALF), False),
        (Contribution(tier=Tier.ENCOURAGED, notices=("n",)), False),
        (Contribution(tier=Tier.ENCOURAGED, weight=HALF), False),
        (Contribution(tier=Tier.STANDARD, weight=DOUBLE), False),
        (Contribution(ineligible=True), False),
    ],
)
def test_a_contribution_favours_when_it_restricts_nothing(contribution: Contribution, favours: bool) -> None:
    assert contribution.favours is favours


def test_caps_of_every_rule_that_reaches_here_are_joined() -> None:
    one, other = Contribution(caps=1), Contribution(Scope(surfaces=("topic",)), caps=2)
    minors = Contribution(Scope(audience="minor"), caps=4)
    unknown = Audience("DE", AgeClass.UNKNOWN)
    assert join([one, other, minors], unknown, SurfaceKind.HOME).caps == 5
    assert join([minors, other, one, one], unknown, SurfaceKind.TOPIC).caps == 7
    assert join([one, minors], Audience("DE", AgeClass.ADULT), SurfaceKind.HOME).caps == 1
