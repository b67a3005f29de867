"""The tree in two storeys gives what the tree in one gives, and asks for two blocks of leaves at most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.blocks import BLOCK, BlockTree, block_root
from controls.errors import LeafError
from controls.merkle import EMPTY_ROOT, MerkleTree, leaf_hash

MOST = 11 * BLOCK + 7
HASHES = [leaf_hash(b"leaf %d" % number) for number in range(MOST)]
WHOLE = MerkleTree(HASHES)


def tree(asked: list[int]) -> BlockTree:
    def leaves(block: int) -> list[bytes]:
        asked.append(block)
        return HASHES[block * BLOCK : (block + 1) * BLOCK]

    made = BlockTree(leaves)
    for first in range(0, MOST - BLOCK + 1, BLOCK):
        made.append(block_root(HASHES[first : first + BLOCK]))
    return made


def test_the_root_of_every_size_is_that_of_the_whole_tree() -> None:
    made = tree([])
    assert made.root(0) == EMPTY_ROOT
    assert [made.root(size) for size in range(MOST + 1)] == [WHOLE.root(size) for size in range(MOST + 1)]


@given(st.integers(1, MOST), st.data())
def test_every_proof_is_that_of_the_whole_tree_and_asks_for_two_blocks_at_most(size: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, size - 1))
    asked: list[int] = []
    assert tree(asked).inclusion(place, size) == WHOLE.inclusion(place, size)
    assert set(asked) <= {place // BLOCK, size // BLOCK} and len(asked) <= 2
    asked.clear()
    assert tree(asked).consistency(place + 1, size) == WHOLE.consistency(place + 1, size)
    assert set(asked) <= {(place + 1) // BLOCK, place // BLOCK, size // BLOCK} and len(asked) <= 2


def test_a_tree_whose_blocks_are_not_known_proves_nothing() -> None:
    empty = BlockTree(lambda block: HASHES[:BLOCK])
    for ask in (lambda: empty.root(BLOCK), lambda: empty.inclusion(0, BLOCK), lambda: tree([]).root(-1)):
        with pytest.raises(LeafError, match="too few"):
            ask()
    for other in (lambda: tree([]).inclusion(5, 5), lambda: tree([]).consistency(0, 5)):
        with pytest.raises(LeafError, match="ask for"):
            other()
