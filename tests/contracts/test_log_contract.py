"""The log: entries as they were decided, roots and proofs of every size, checkpoints (law 1)."""

from __future__ import annotations

import pytest

from controls.blocks import BLOCK
from controls.decisions import Subject, SubjectKind
from controls.errors import LeafError
from controls.ledger import decision_from, opens
from controls.merkle import EMPTY_ROOT, MerkleTree, leaf_hash, verify_consistency, verify_inclusion
from feed.storage.errors import RecordRefused
from feed.storage.records import CheckpointRecord
from tests.contracts.making import decision

COUNT = 2 * BLOCK + 9


@pytest.fixture
def filled(store):
    """Appended in uneven steps, so that blocks are completed at their end, in passing, and several at once."""
    made = [decision(f"d{n}") for n in range(COUNT)]
    store.ledger.append(made[0]).result()
    assert store.ledger.append_all(made[1 : BLOCK - 1]).result() == range(2, BLOCK)
    for one in made[BLOCK - 1 : BLOCK + 2]:
        store.ledger.append(one).result()
    store.ledger.append_all(made[BLOCK + 2 :]).result()
    return store


def test_entries_hold_leaf_hash_and_attachments_that_open_it(store):
    store.ledger.append(decision("a", evidence=("e",), subject=Subject(SubjectKind.AUTHOR, "ada"))).result()
    (entry,) = store.log.entries(0)
    assert (entry.revision, entry.id, entry.subject, entry.reverses) == (1, "a", "ada", None)
    assert entry.leaf_hash == leaf_hash(entry.leaf)
    assert store.log.stray() is None
    assert sorted(entry.attachments) == ["evidence", "persons", "reason", "subject"]
    assert all(opens(entry.leaf, name, salt, content) for name, (salt, content) in entry.attachments.items())
    contents = {name: content for name, (_, content) in entry.attachments.items()}
    assert decision_from(entry.leaf, contents, 1) == store.ledger.by_id("a")


def test_entries_are_read_after_a_revision_and_up_to_a_limit(filled):
    assert [entry.revision for entry in filled.log.entries(3, limit=2)] == [4, 5]
    assert filled.log.entries(COUNT) == []


def test_every_size_has_its_root_and_every_revision_its_proof(filled):
    hashes = [entry.leaf_hash for entry in filled.log.entries(0)]
    tree = MerkleTree(hashes)
    assert filled.log.root(0) == EMPTY_ROOT
    for size in (1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, COUNT):
        root = filled.log.root(size)
        assert root == tree.root(size)
        for revision in {1, size // 2 + 1, size}:
            path = filled.log.inclusion(revision, size)
            assert verify_inclusion(hashes[revision - 1], revision - 1, size, path, root)
        path = filled.log.consistency(size, COUNT)
        assert verify_consistency(size, COUNT, path, root, tree.root())


def test_what_is_not_there_yet_has_no_root_and_no_proof(filled):
    for ask in (
        lambda: filled.log.root(COUNT + 1),
        lambda: filled.log.root(9 * BLOCK),
        lambda: filled.log.inclusion(1, COUNT + 1),
        lambda: filled.log.inclusion(COUNT + 1, COUNT),
        lambda: filled.log.consistency(0, 1),
        lambda: filled.log.consistency(2, 1),
    ):
        with pytest.raises(LeafError):
            ask()


def test_decisions_appended_together_are_all_there_in_order_or_none_is(store):
    assert store.ledger.append_all([]).result() == range(1, 1)
    assert store.ledger.append_all([decision("a"), decision("b")]).result() == range(1, 3)
    for spoilt in ([decision("c"), decision("a")], [decision("c"), decision("d", reason="\ud800")]):
        with pytest.raises(RecordRefused):
            store.ledger.append_all(spoilt).result()
    assert store.ledger.append_all([decision("c")]).result() == range(3, 4)
    assert [one.id for one in store.ledger.since(0)] == ["a", "b", "c"]
    assert store.ledger.by_id("b").reason == decision().reason


def test_batches_at_once_are_gapless_and_the_tree_is_whole(store):
    futures = [store.ledger.append_all([decision(f"{batch}-{n}") for n in range(30)]) for batch in range(10)]
    futures.append(store.ledger.append_all([decision("3-3")]))
    assert sorted(revision for future in futures[:10] for revision in future.result()) == list(range(1, 301))
    with pytest.raises(RecordRefused):
        futures[10].result()
    hashes = [entry.leaf_hash for entry in store.log.entries(0)]
    assert store.log.root(300) == MerkleTree(hashes).root()


def test_checkpoints_are_kept_by_size_and_the_newest_of_a_size_stays(store):
    assert store.log.checkpoints() == []
    for record in (CheckpointRecord(7, "first"), CheckpointRecord(0, "none"), CheckpointRecord(7, "seven")):
        store.log.keep(record).result()
    assert store.log.checkpoints() == [CheckpointRecord(0, "none"), CheckpointRecord(7, "seven")]
    assert store.log.checkpoints(after=0, limit=1) == [CheckpointRecord(7, "seven")]


def test_ids_that_decisions_are_about_are_told_from_those_that_none_is_about(store):
    for number in range(3):
        store.ledger.append(decision(f"d{number}", subject=Subject(SubjectKind.ITEM, f"i{number % 2}"))).result()
    asked = [f"i{number}" for number in range(1500)]
    assert store.log.decided_about(asked) == {"i0", "i1"}
    assert store.log.decided_about([]) == set()
