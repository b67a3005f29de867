"""The tree: roots and proofs as published for RFC 6962 and RFC 9162, and no proof for anything that is not so."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.errors import LeafError
from controls.merkle import (
    EMPTY_ROOT,
    MerkleTree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# Leaves, roots and proofs of the certificate-transparency reference implementation (merkle_tree_test).
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSIONS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCIES = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def tree(count: int) -> MerkleTree:
    return MerkleTree(leaf_hash(b"leaf %d" % number) for number in range(count))


def plain_root(leaves: list[bytes]) -> bytes:
    """The definition, word for word: RFC 9162, section 2.1.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return node_hash(plain_root(leaves[:left]), plain_root(leaves[left:]))


def altered(path: list[bytes]) -> list[list[bytes]]:
    """Paths that differ from a path in one bit, are shorter by one, or longer by one."""
    flipped = [[*path[:n], bytes([path[n][0] ^ 1]) + path[n][1:], *path[n + 1 :]] for n in range(len(path))]
    return [*flipped, *([path[1:], path[:-1]] if path else []), [*path, bytes(32)]]


def test_the_published_roots_are_reached() -> None:
    published = MerkleTree()
    assert published.root() == EMPTY_ROOT == sha256(b"").digest()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        published.append(leaf_hash(leaf))
        assert published.root().hex() == root
    for size, root in enumerate(ROOTS, start=1):
        assert published.root(size).hex() == root


@pytest.mark.parametrize(("index", "size"), INCLUSIONS)
def test_the_published_inclusion_proofs_are_made_and_verify(index: int, size: int) -> None:
    path = MerkleTree(map(leaf_hash, LEAVES)).inclusion(index, size)
    assert [part.hex() for part in path] == INCLUSIONS[index, size]
    assert verify_inclusion(leaf_hash(LEAVES[index]), index, size, path, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCIES)
def test_the_published_consistency_proofs_are_made_and_verify(old: int, new: int) -> None:
    path = MerkleTree(map(leaf_hash, LEAVES)).consistency(old, new)
    assert [part.hex() for part in path] == CONSISTENCIES[old, new]
    assert verify_consistency(old, new, path, bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1]))


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_every_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    made = MerkleTree(map(leaf_hash, leaves))
    for size in range(len(leaves) + 1):
        assert made.root(size) == plain_root(leaves[:size])


@given(st.integers(1, 300), st.data())
def test_an_inclusion_proof_verifies_and_no_altered_one_does(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    made = tree(size + data.draw(st.integers(0, 5)))
    leaf, path, root = leaf_hash(b"leaf %d" % index), made.inclusion(index, size), made.root(size)
    assert verify_inclusion(leaf, index, size, path, root)
    assert not any(verify_inclusion(leaf, index, size, other, root) for other in altered(path))
    assert not verify_inclusion(leaf_hash(b"another"), index, size, path, root)
    assert not verify_inclusion(leaf, index, size, path, bytes(32))
    others = {0, size - 1, index ^ 1, index + 1} - {index}
    assert not any(verify_inclusion(leaf, other, size, path, root) for other in others)


@given(st.integers(1, 200), st.integers(0, 100))
def test_a_consistency_proof_verifies_and_no_altered_one_does(old: int, more: int) -> None:
    made = tree(old + more)
    path, old_root, new_root = made.consistency(old), made.root(old), made.root()
    assert verify_consistency(old, old + more, path, old_root, new_root)
    assert not any(verify_consistency(old, old + more, other, old_root, new_root) for other in altered(path))
    assert not verify_consistency(old, old + more, path, bytes(32), new_root)
    assert not verify_consistency(old, old + more, path, old_root, bytes(32))


def test_a_changed_past_has_no_consistency_proof() -> None:
    honest, other = tree(5), MerkleTree(leaf_hash(b"leaf %d" % (number or 9)) for number in range(9))
    assert not verify_consistency(5, 9, other.consistency(5), honest.root(), other.root())


def test_sizes_and_places_outside_the_tree_are_refused() -> None:
    made = tree(3)
    for ask in (
        lambda: made.root(4),
        lambda: made.root(-1),
        lambda: made.inclusion(3),
        lambda: made.inclusion(0, 0),
        lambda: made.inclusion(-1),
        lambda: made.inclusion(0, 4),
        lambda: made.consistency(0),
        lambda: made.consistency(3, 2),
        lambda: made.consistency(1, 4),
        lambda: made.append(b"short"),
    ):
        with pytest.raises(LeafError):
            ask()
    assert not verify_inclusion(bytes(32), 3, 3, [], made.root())
    assert not verify_consistency(0, 3, [], EMPTY_ROOT, made.root())
    assert not verify_consistency(2, 3, [], made.root(2), made.root())
    assert not verify_consistency(3, 5, [], made.root(), made.root())
