"""Law 7: with personalization off, ``items`` is byte-identical whatever the reader did before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controls.scopes import SurfaceKind
from feed.pages.listing import items_json
from feed.storage.records import ReaderRecord
from ranking.explanation import why
from ranking.parameters import Parameters
from ranking.pipeline import rank
from ranking.reader import NEW_READER, Mode, Mute, Reader, Request
from ranking.snapshot import Snapshot
from tests.journeys.http_service import Http
from tests.laws.small_worlds import Dice, a_history, a_seen, worlds
from tests.unit.feed.decisions.deciding_office import NOW, office, send

pytestmark = pytest.mark.law


def item_bytes(snapshot: Snapshot, reader: Reader, request: Request, with_parameters: Parameters) -> bytes:
    return items_json(rank(snapshot, reader, request, with_parameters), snapshot, request)


@st.composite
def two_pasts(draw: st.DrawFn) -> tuple[Snapshot, Reader, Reader, Request, Parameters]:
    """Two readers of the same explicit settings who did different things, and one request."""
    world = draw(worlds())
    dice = Dice(draw(st.integers(0, 2**32 - 1)))
    other = replace(world.reader, history=a_history(dice, world.rows), seen=a_seen(dice, world.rows))
    return world.snapshot, world.reader, other, world.request, world.parameters


def off(reader: Reader) -> Reader:
    return replace(reader, settings=replace(reader.settings, personalization=False))


@given(two_pasts())
@settings(max_examples=150)
def test_an_opted_out_reader_gets_the_same_items_whatever_they_did_before(
    drawn: tuple[Snapshot, Reader, Reader, Request, Parameters],
) -> None:
    snapshot, one, other, request, with_parameters = drawn
    for mode in Mode:
        asked = replace(request, mode=mode)
        nobody = replace(NEW_READER, settings=off(one).settings)
        expected = item_bytes(snapshot, nobody, asked, with_parameters)
        assert item_bytes(snapshot, off(one), asked, with_parameters) == expected
        assert item_bytes(snapshot, off(other), asked, with_parameters) == expected


@given(two_pasts())
@settings(max_examples=100)
def test_a_mode_that_is_not_personalized_reads_nothing_of_the_past(
    drawn: tuple[Snapshot, Reader, Reader, Request, Parameters],
) -> None:
    snapshot, one, other, request, with_parameters = drawn
    for mode in (Mode.POPULAR, Mode.LATEST, Mode.EDITORIAL):
        asked = replace(request, mode=mode)
        assert item_bytes(snapshot, one, asked, with_parameters) == item_bytes(snapshot, other, asked, with_parameters)


@given(two_pasts())
@settings(max_examples=100)
def test_pages_not_personalized_ignore_interests_seeds_and_what_arms_set_for_scoring(
    drawn: tuple[Snapshot, Reader, Reader, Request, Parameters],
) -> None:
    """Neither added and removed interests, nor the weights that an arm may set, nor the seed act without consent."""
    snapshot, one, _, request, with_parameters = drawn
    plain = replace(off(one).settings, more_topics=(), less_topics=())
    arm = replace(with_parameters, weight_click=7, history=1, fresh_every=1, half_life_days=1)
    for mode in Mode:
        asked = replace(request, mode=mode)
        expected = item_bytes(snapshot, off(one), asked, with_parameters)
        assert item_bytes(snapshot, replace(one, settings=plain), replace(asked, seed=99), arm) == expected


@given(two_pasts())
@settings(max_examples=100)
def test_why_tells_an_opted_out_reader_nothing_of_their_past(
    drawn: tuple[Snapshot, Reader, Reader, Request, Parameters],
) -> None:
    snapshot, one, other, request, with_parameters = drawn
    for row in range(min(snapshot.catalogue.rows, 5)):
        assert why(snapshot, off(one), request, row, with_parameters) == why(
            snapshot, off(other), request, row, with_parameters
        )


@given(two_pasts())
@settings(max_examples=100)
def test_explicit_choices_hold_in_every_mode_and_on_every_surface(
    drawn: tuple[Snapshot, Reader, Reader, Request, Parameters],
) -> None:
    snapshot, one, _, request, with_parameters = drawn
    chosen, catalogue = one.settings, snapshot.catalogue
    for mode in Mode:
        page = rank(snapshot, one, replace(request, mode=mode), with_parameters)
        for row in page.rows.tolist():
            author = catalogue.author_id(row)
            assert catalogue.ids[row] not in chosen.hidden
            assert not author or author not in chosen.muted_authors
            assert not set(catalogue.topic_names(row)).intersection(chosen.muted_topics)


@given(two_pasts(), st.booleans())
@settings(max_examples=60)
def test_a_mute_for_a_time_is_a_mute_up_to_its_second_and_nothing_from_then_on(
    drawn: tuple[Snapshot, Reader, Reader, Request, Parameters], off_or_on: bool
) -> None:
    snapshot, one, _, request, with_parameters = drawn
    chosen = replace(one.settings, personalization=off_or_on)
    bare = replace(chosen, muted_authors=(), muted_topics=())

    def muted(until: int) -> Reader:
        mutes = [Mute("author", name, until) for name in chosen.muted_authors]
        mutes += [Mute("topic", name, until) for name in chosen.muted_topics]
        return replace(one, settings=replace(bare, mutes=tuple(mutes)))

    for mode in Mode:
        asked = replace(request, mode=mode)
        for until, same in ((snapshot.as_of + 1, chosen), (snapshot.as_of, bare)):
            expected = item_bytes(snapshot, replace(one, settings=same), asked, with_parameters)
            assert item_bytes(snapshot, muted(until), asked, with_parameters) == expected


@given(two_pasts())
@settings(max_examples=60)
def test_related_pages_read_nothing_of_the_past_in_any_mode(
    drawn: tuple[Snapshot, Reader, Reader, Request, Parameters],
) -> None:
    snapshot, one, other, request, with_parameters = drawn
    key = snapshot.catalogue.ids[0] if snapshot.catalogue.rows else "unknown"
    surface = replace(request.surface, kind=SurfaceKind.RELATED, key=key)
    for mode in Mode:
        asked = replace(request, mode=mode, surface=surface)
        assert item_bytes(snapshot, one, asked, with_parameters) == item_bytes(snapshot, other, asked, with_parameters)


def served(http: Http, reader: str, path: str = "/v1/feed", **query: str) -> tuple[dict[str, str], bytes]:
    """The arms of a page, and its ``items`` as they were sent."""
    answer = http.call("GET", path, "feed", params={"reader": reader, "limit": 12, **query})
    assert answer.status_code == 200, answer.text
    began = answer.content.index(b'"items":')
    return orjson.loads(answer.content)["arms"], answer.content[began : answer.content.rindex(b',"corrections":')]


def test_no_experiment_reaches_a_page_that_is_not_personalized(tmp_path: Path) -> None:
    """Opted out, with settings that cannot be read, in another mode, or on a related page: no arms, the same bytes."""
    with office(tmp_path, approvals=False) as http:
        off = {"personalization": False}
        saved = http.call("PATCH", "/v1/readers/out/settings", "reader", subject="out", json=off)
        assert saved.status_code == 200
        http.service.store.readers.save(ReaderRecord("torn", "{"), None).result()
        asked: list[tuple[str, str, dict[str, str]]] = [
            *((reader, "/v1/feed", {"mode": mode.value}) for reader in ("out", "torn", "in") for mode in Mode),
            *((reader, "/v1/feed", {"surface": "topic:news"}) for reader in ("out", "torn")),
            *((reader, "/v1/items/item-1/related", {}) for reader in ("out", "torn", "in")),
        ]
        asked = [one for one in asked if one[0] != "in" or one[2].get("mode") != "personalized"]
        before = [served(http, reader, path, **query) for reader, path, query in asked]
        sets = {"author_max": 1, "author_window": 20, "candidates": 2, "fresh_every": 1, "history": 0, "topic_max": 1}
        body: dict[str, object] = {"name": "all", "outcome": "click", "reason": "law 7", "expires_at": NOW + 1000}
        body["arms"] = [{"name": name, "share": 500, "sets": sets} for name in ("a", "b")]
        assert send(http, "ex/experimenter", "/v1/experiments", body).status_code == 201
        assert served(http, "in")[0]
        assert [served(http, reader, path, **query) for reader, path, query in asked] == before
        assert all(arms == {} for arms, _ in before)
