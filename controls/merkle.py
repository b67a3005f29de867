"""Merkle tree over ledger leaves, as RFC 9162 section 2.1 defines it: hashes, roots, proofs and their verification.

The tree keeps every complete subtree's hash, so that an append costs two hashes on average and a proof a logarithm of
the size. A root of an earlier size can be had at any time; nothing that was appended ever changes (law 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from controls.errors import LeafError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf's bytes: SHA-256(0x00 || leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """Append-only tree over leaf hashes. Takes 64 bytes a leaf."""

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        # Level k holds the hashes of the complete subtrees of 2**k leaves, from left to right.
        self._levels: list[bytearray] = [bytearray()]
        for leaf in hashes:
            self.append(leaf)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Append a leaf by its hash (32 bytes, from :func:`leaf_hash`)."""
        if len(leaf) != HASH_BYTES:
            raise LeafError(f"a leaf hash has {HASH_BYTES} bytes, not {len(leaf)}; append leaf_hash(leaf)")
        index, level, node = self.size, 0, leaf
        self._levels[0] += leaf
        while index & 1:
            node = node_hash(self._node(level, index - 1), node)
            index >>= 1
            level += 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += node

    def root(self, size: int | None = None) -> bytes:
        """Root of the first ``size`` leaves (default: all)."""
        size = self.size if size is None else self._checked(size)
        return self.part(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Audit path of leaf ``index`` in the tree of ``size`` leaves, from the leaf upwards (RFC 9162, 2.1.3.1)."""
        return inclusion_path(index, self.size if size is None else self._checked(size), self.part)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Proof that the tree of ``old`` leaves is the beginning of that of ``new`` (RFC 9162, 2.1.4.1)."""
        return consistency_path(old, self.size if new is None else self._checked(new), self.part)

    def _checked(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise LeafError(f"the tree has {self.size} leaves, not {size}; ask for an earlier size")
        return size

    def _node(self, level: int, index: int) -> bytes:
        start = index * HASH_BYTES
        return bytes(self._levels[level][start : start + HASH_BYTES])

    def part(self, first: int, count: int, *tail: bytes) -> bytes:
        """Hash over ``count`` leaves from ``first`` on, a multiple of the power of two that holds ``count``.

        A ``tail`` is the hash of something smaller behind them, as if it were the next leaf.
        """
        # Complete subtrees from left to right, joined from right to left.
        parts: list[bytes] = []
        while count:
            level = count.bit_length() - 1
            parts.append(self._node(level, first >> level))
            first, count = first + (1 << level), count - (1 << level)
        parts += tail
        node = parts.pop()
        while parts:
            node = node_hash(parts.pop(), node)
        return node


Part = Callable[[int, int], bytes]
"""Hash over so many leaves (second) from a leaf (first) on, a multiple of the power of two that holds their number."""


def inclusion_path(index: int, size: int, part: Part) -> list[bytes]:
    """Audit path of leaf ``index`` in a tree of ``size`` leaves, from the leaf upwards (RFC 9162, 2.1.3.1).

    Raises :class:`LeafError` for a leaf that is not there.
    """
    if not 0 <= index < size:
        raise LeafError(f"leaf {index} is not in a tree of {size}; ask for 0 to {size - 1}")
    path: list[bytes] = []
    first, count = 0, size
    while count > 1:
        left = _split(count)
        if index - first < left:
            path.append(part(first + left, count - left))
            count = left
        else:
            path.append(part(first, left))
            first, count = first + left, count - left
    return path[::-1]


def consistency_path(old: int, new: int, part: Part) -> list[bytes]:
    """Proof that a tree of ``old`` leaves is the beginning of that of ``new`` (RFC 9162, 2.1.4.1).

    Raises :class:`LeafError` for sizes between which there is none.
    """
    if not 0 < old <= new:
        raise LeafError(f"no proof leads from {old} to {new} leaves; ask for sizes from 1 on, the older first")
    path: list[bytes] = []
    first, count, wanted, whole = 0, new, old, True
    while wanted != count:
        left = _split(count)
        if wanted <= left:
            path.append(part(first + left, count - left))
            count = left
        else:
            path.append(part(first, left))
            first, count, wanted, whole = first + left, count - left, wanted - left, False
    if not whole:
        path.append(part(first, count))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a leaf hash is at ``index`` in the tree of ``size`` leaves with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for part in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(part, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, part)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the tree of ``old`` leaves is the beginning of that of ``new`` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    parts = list(path)
    if old & (old - 1) == 0:
        parts.insert(0, old_root)
    if not parts:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = parts[0]
    for part in parts[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older, newer = node_hash(part, older), node_hash(part, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, part)
        place, last = place >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)
