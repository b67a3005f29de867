"""The tree over a long ledger in two storeys: leaves in blocks of 64, and a tree over the roots of whole blocks.

Only block roots are kept (half a byte a leaf), the leaf hashes of a block are asked for where a proof runs through it:
two blocks at most. So a proof costs the same at any size, and a restart reads one hash in 64. Roots and proofs are
those of RFC 9162: a whole block is one of its subtrees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from controls.errors import LeafError
from controls.merkle import EMPTY_ROOT, MerkleTree, consistency_path, inclusion_path, node_hash

BLOCK = 64
"""Leaves of a block: a power of two."""


def block_root(hashes: Sequence[bytes]) -> bytes:
    """Root of one whole block by the hashes of its leaves."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


class BlockTree:
    """Append-only. ``leaves`` gives the leaf hashes of a block by its number: all of a whole one, or those so far."""

    def __init__(self, leaves: Callable[[int], Iterable[bytes]]) -> None:
        self._leaves = leaves
        self._roots = MerkleTree()

    @property
    def blocks(self) -> int:
        """Number of whole blocks known."""
        return self._roots.size

    def append(self, root: bytes) -> None:
        """Append the root of the next whole block."""
        self._roots.append(root)

    def root(self, size: int) -> bytes:
        """Root of the first ``size`` leaves. Raises :class:`LeafError` when a block of them is not known."""
        return self._proof(size).part(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Audit path of leaf ``index`` in the tree of ``size`` leaves (RFC 9162, 2.1.3.1); raises like ``root``."""
        return inclusion_path(index, size, self._proof(size).part)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that ``old`` leaves are the beginning of ``new`` (RFC 9162, 2.1.4.1); raises like ``root``."""
        return consistency_path(old, new, self._proof(new).part)

    def _proof(self, size: int) -> _Parts:
        blocks, rest = divmod(size, BLOCK)
        parts = _Parts(self._leaves, self._roots)
        if not 0 <= blocks <= self.blocks or (rest and parts.block(blocks).size < rest):
            raise LeafError(f"the tree has too few leaves for one of {size}; ask for an earlier size")
        return parts


class _Parts:
    """Hashes over runs of leaves for one proof; a block is asked for once."""

    def __init__(self, leaves: Callable[[int], Iterable[bytes]], roots: MerkleTree) -> None:
        self._leaves = leaves
        self._roots = roots
        self._within: dict[int, MerkleTree] = {}

    def part(self, first: int, count: int) -> bytes:
        """See :data:`controls.merkle.Part`."""
        blocks, rest = divmod(count, BLOCK)
        if not rest:
            return self._roots.part(first // BLOCK, blocks)
        behind = first + blocks * BLOCK
        tail = self.block(behind // BLOCK).part(behind % BLOCK, rest)
        return self._roots.part(first // BLOCK, blocks, tail) if blocks else tail

    def block(self, number: int) -> MerkleTree:
        """The tree over one block."""
        block = self._within.get(number)
        if block is None:
            block = self._within[number] = MerkleTree(self._leaves(number))
        return block
