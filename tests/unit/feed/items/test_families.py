"""Families of near-duplicates: copies with small edits are found, different texts are not, at a bounded cost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from feed.importers import Importer, WeirNdjson
from feed.items.families import Families
from feed.items.sketches import ALIKE, likeness, sketch
from feed.storage.memory import MemoryStore
from feed.storage.ports.store import Store
from feed.storage.records import ItemRecord
from feed.storage.sqlite.opening import open_sqlite

STORY = (
    "The town council voted on Tuesday to close the old bridge to cars from next spring. Engineers had found cracks in "
    "two of its arches, and repairing them would cost more than the town spends on its schools in a year. Shops on the "
    "east bank fear for their trade; the council promises a footbridge and a shuttle bus within eighteen months."
)
OTHER = (
    "After a dry summer the vineyards on the southern slopes expect a small but sweet harvest. Growers began picking "
    "two weeks early, and the cooperative has asked its members to work at night, when the grapes are cool. Prices are "
    "likely to rise; last year's stock is almost sold out."
)


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path) -> Iterator[Store]:
    opened: Store = MemoryStore() if request.param == "memory" else open_sqlite(tmp_path / "weir.db")
    yield opened
    opened.close()


def item(id: str, text: str, title: str = "") -> ItemRecord:
    return ItemRecord(id, "ada", title, text=text)


def words_of(seed: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(2000)]


def made_up(rng: random.Random, vocabulary: list[str], length: int) -> str:
    # Some words are everybody's, as in a language.
    return " ".join(rng.choice(vocabulary[:60] if rng.random() < 0.4 else vocabulary) for _ in range(length))


def edited(rng: random.Random, vocabulary: list[str], text: str, edits: int) -> str:
    words = text.split()
    for _ in range(edits):
        words[rng.randrange(len(words))] = rng.choice(vocabulary)
    return " ".join(words)


def test_a_copy_with_small_edits_joins_the_family_and_another_text_does_not(store):
    families = Families(store)
    copy = STORY.replace("Tuesday", "TUESDAY").replace("old bridge", "ancient bridge") + " Read more!"
    families.take([item("first", STORY), item("other", OTHER), item("copy", copy)], 1)
    assert set(families.members("copy")) == {"first", "copy"}
    assert set(families.members("first")) == {"first", "copy"}
    assert families.members("other") == ("other",)
    assert families.members("nobody-knows") == ("nobody-knows",)


def test_copies_are_found_and_different_texts_are_not_in_a_made_up_corpus(store):
    rng, vocabulary = random.Random(7), words_of(7)
    families = Families(store)
    originals = [made_up(rng, vocabulary, rng.randint(40, 160)) for _ in range(60)]
    families.take([item(f"original-{n}", text) for n, text in enumerate(originals)], 1)
    # One word in thirty changed, each time another.
    copies = [edited(rng, vocabulary, text, max(1, len(text.split()) // 30)) for text in originals]
    families.take([item(f"copy-{n}", text) for n, text in enumerate(copies)], 2)
    strangers = [made_up(rng, vocabulary, rng.randint(40, 160)) for _ in range(60)]
    families.take([item(f"stranger-{n}", text) for n, text in enumerate(strangers)], 3)
    found = sum(set(families.members(f"copy-{n}")) == {f"original-{n}", f"copy-{n}"} for n in range(60))
    alone = sum(families.members(f"stranger-{n}") == (f"stranger-{n}",) for n in range(60))
    assert found >= 59
    assert alone == 60


def test_what_is_alike_is_told_as_exactly_as_the_sketch_promises():
    rng, vocabulary = random.Random(3), words_of(3)
    misses = []
    for edits in range(1, 13):
        text = made_up(rng, vocabulary, 80)
        other = edited(rng, vocabulary, text, edits)
        one, two = sketch("", text), sketch("", other)
        assert one is not None and two is not None and two.numbers is not None
        misses.append(abs(one.like(two.numbers) - likeness(("", text), ("", other))))
    # Four standard errors, and no systematic one.
    assert max(misses) < 0.24
    assert sum(misses) / len(misses) < 0.08


@pytest.mark.parametrize(
    "title",
    ["Episode 12 of the long walk down the river to the sea", "The great baking contest: week 7, guests from abroad"],
)
def test_titles_without_a_text_are_copies_only_when_they_are_the_same(store, title):
    families = Families(store)
    families.take([item("one", "", title), item("next", "", title.replace("2", "3").replace("7", "8"))], 1)
    families.take([item("same", "", f"  {title.upper()}! ")], 2)
    assert set(families.members("same")) == {"one", "same"}
    assert families.members("next") == ("next",)


def test_what_is_too_short_is_nobodys_copy(store):
    families = Families(store)
    families.take(
        [item("a", "Hello"), item("b", "Hello"), item("c", "", "Good morning and a happy new year to all!")], 1
    )
    assert families.members("a") == ("a",)
    assert families.resembling([item("d", "Good morning and a happy new year to all!")]) == [()]


def test_invisible_characters_case_and_other_forms_of_letters_hide_no_copy(store):
    families = Families(store)
    hidden = STORY.replace("bridge", "brid\u200bge").replace("council", "ｃｏｕｎｃｉｌ").upper().replace(",", " —")
    families.take([item("first", STORY), item("hidden", hidden)], 1)
    assert set(families.members("hidden")) == {"first", "hidden"}


def test_texts_of_scripts_without_spaces_have_families_too(store):
    text = (
        "市议会星期二投票决定从明年春天起禁止汽车通行老桥。工程师在两个拱门上发现了裂缝，"
        "修复费用将超过该镇一年的学校开支。东岸的商店担心生意受影响，"
        "议会承诺在十八个月内修建一座人行天桥并开通接驳巴士。"
    )
    families = Families(store)
    families.take([item("first", text), item("copy", text.replace("老桥", "旧桥")), item("other", text[::-1])], 1)
    assert set(families.members("copy")) == {"first", "copy"}
    assert families.members("other") == ("other",)


def test_an_item_that_is_edited_leaves_its_family_and_one_that_is_emptied_has_none(store):
    families = Families(store)
    families.take([item("first", STORY), item("copy", STORY), item("third", STORY)], 1)
    families.take([item("copy", OTHER), item("third", "")], 2)
    assert families.members("first") == ("first",)
    assert families.members("copy") == ("copy",)
    assert families.members("third") == ("third",)


def test_resembling_tells_what_an_item_would_join_and_changes_nothing(store):
    families = Families(store)
    families.take([item("first", STORY)], 1)
    assert families.resembling([item("copy", STORY), item("other", OTHER)]) == [("first",), ()]
    assert families.members("copy") == ("copy",)
    assert families.resembling([item("first", STORY)]) == [()]


def test_a_family_does_not_drift_from_its_founder(store):
    rng, vocabulary = random.Random(5), words_of(5)
    families, text = Families(store), made_up(rng, vocabulary, 120)
    texts = [text]
    for _ in range(12):
        texts.append(edited(rng, vocabulary, texts[-1], 4))
    for number, version in enumerate(texts):
        families.take([item(f"v{number}", version)], number + 1)
    kin = set(families.members("v0"))
    far = [one for one in kin if likeness(("", text), ("", texts[int(one[1:])])) < ALIKE - 0.2]
    assert {"v0", "v1"} <= kin
    assert "v12" not in kin
    assert far == []


def test_families_are_there_again_when_the_store_is_opened_again(tmp_path):
    with_items = open_sqlite(tmp_path / "weir.db")
    Families(with_items).take([item("first", STORY)], 1)
    with_items.close()
    again = open_sqlite(tmp_path / "weir.db")
    families = Families(again)
    families.take([item("copy", STORY + " Again.")], 2)
    assert set(families.members("first")) == {"first", "copy"}
    again.close()


def test_a_store_filled_before_it_had_families_catches_up_once(store):
    records = [item("first", STORY), item("copy", STORY), item("other", OTHER)]
    store.items.put_items(records).result()
    families = Families(store)
    ids = [record.id for record in records]
    assert families.catch_up(ids, 1) == 3
    assert set(families.members("first")) == {"first", "copy"}
    assert families.catch_up(ids, 2) == 0


def test_an_item_reads_and_writes_a_bounded_number_of_entries_however_many_there_are(store, monkeypatch):
    families, register = Families(store), store.register("families")
    asked: list[int] = []
    real = type(register).edit

    def counted(self, ids, edit):
        asked.append(len(ids))
        return real(self, ids, edit)

    monkeypatch.setattr(type(register), "edit", counted)
    # All share a frame of words, so that every band is crowded.
    rng, vocabulary = random.Random(11), words_of(11)
    frame = made_up(rng, vocabulary, 30)
    for number in range(40):
        families.take([item(f"i{number}", frame + " " + made_up(rng, vocabulary, 30))], number)
    assert max(asked) <= 16
    del asked[:]
    families.take([replace(item("same", frame), title="x")], 99)
    assert len(asked) <= 3


def test_an_import_by_the_operator_finds_copies_and_repeating_it_changes_nothing(tmp_path, store):
    lines = [{"type": "item", "id": id, "text": text, "published_at": 5} for id, text in (("a", STORY), ("b", OTHER))]
    lines.append({"type": "item", "id": "c", "text": STORY + " Again.", "published_at": 5})
    path = tmp_path / "some.ndjson"
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    for _ in range(2):
        Importer(WeirNdjson(path), store, now=1_800_000_000).run(lambda *told: None)
        assert store.items.item("a").text == STORY
        assert set(Families(store).members("a")) == {"a", "c"}
        assert Families(store).members("b") == ("b",)
