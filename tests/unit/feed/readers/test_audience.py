from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controls.scopes import AgeClass, Audience, Scope, SurfaceKind
from feed.access.caller import UNKNOWN
from feed.readers.audience import NOTHING_ASKED, Asked, resolve

regions = st.sampled_from(["*", "DE", "US", "FR"])
ages = st.sampled_from(list(AgeClass))
languages = st.sampled_from(["*", "de", "en"])
audiences = st.builds(Audience, regions, ages, languages)
asked = st.builds(Asked, st.none() | regions, st.none() | ages, st.none() | languages)
scopes = st.builds(
    Scope,
    st.just(("*",)),
    st.sampled_from([("*",), ("DE",), ("US", "FR"), ("AT",)]),
    st.sampled_from(["any", "adult", "minor"]),
)


@given(audiences, audiences, asked, scopes)
def test_a_query_can_only_tighten(claimed, stored, query, scope):
    """Whatever is asked, every restricting scope that held still holds, and no favouring one is gained."""
    known = resolve(claimed, stored, NOTHING_ASKED)
    tightened = resolve(claimed, stored, query)
    for surface in SurfaceKind:
        if scope.covers(surface, known, restricting=True):
            assert scope.covers(surface, tightened, restricting=True)
        if scope.covers(surface, tightened, restricting=False):
            assert scope.covers(surface, known, restricting=False)


@given(audiences, asked)
def test_nothing_known_stays_unknown_whatever_is_asked(stored, query):
    assert resolve(UNKNOWN, UNKNOWN, query) == UNKNOWN


def test_stored_settings_fill_what_the_token_does_not_say():
    stored = Audience("DE", AgeClass.ADULT, "de")
    assert resolve(UNKNOWN, stored) == stored
    assert resolve(Audience(region="DE"), stored) == stored


def test_sources_that_contradict_each_other_leave_it_unknown():
    claimed = Audience("DE", AgeClass.ADULT, "de")
    assert resolve(claimed, Audience("FR", AgeClass.MINOR, "fr")) == UNKNOWN


def test_asking_for_what_is_known_changes_nothing():
    claimed = Audience("DE", AgeClass.ADULT, "de")
    assert resolve(claimed, UNKNOWN, Asked("DE", AgeClass.ADULT, "de")) == claimed


def test_asking_for_another_region_makes_it_unknown():
    assert resolve(Audience("DE", AgeClass.ADULT), UNKNOWN, Asked(region="FR")).region == "*"
