"""Evidence folders: whole ones are checked offline, and no byte of any file changes unseen."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from controls.checkpoints import Checkpoint, signed_checkpoint
from controls.errors import EvidenceAltered
from controls.evidence import (
    CHECKPOINT,
    DECISION,
    FILES,
    ITEM,
    KEYS,
    MANIFEST,
    PROOF,
    REPORT,
    SIGNATURE,
    Preserved,
    Proven,
    check_folder,
    folder,
    seal,
)
from controls.ledger import attachments, leaf, leaf_hash
from controls.merkle import MerkleTree
from controls.notes import SignerKey
from tests.unit.controls.test_corrections import decided

SIGNER = SignerKey("example.org/weir", bytes(32))
OTHER = SignerKey("example.org/weir", bytes([1] * 32))
PRESERVED = {
    "authors": [{"id": "ada", "name": "Ada", "standing": 40, "kind": "person", "identity": "verified"}],
    "decided_at": 100,
    "decision": "d1",
    "items": [
        {
            "earlier": [{"decided_at": 50, "decision": "d0", "revision": 1, "type": "label"}],
            "exposures": 12,
            "family": ["i1", "i2"],
            "item": {
                "id": "i1",
                "author": "ada",
                "title": "A title",
                "topics": ["news"],
                "published_at": 90,
                "language": "en",
                "region": "",
                "community": "",
                "withdrawn": False,
                "text": "first line\nsecond line",
            },
            "labels": [{"item": "i1", "name": "rumour", "score": 0.9, "given_by": "classifier", "given_at": 95}],
            "verdict_before": {"eligible": True, "tier": "standard", "weight": 1.0},
        }
    ],
    "late": False,
    "left_out": 0,
    "preserved_at": 101,
    "revision": 3,
    "subject": {"kind": "item", "id": "i1"},
    "type": "correct",
}


def made(preserved: Preserved | None = None, **erased: bool) -> dict[str, bytes]:
    decision = decided()
    contents = attachments(decision)
    salts = {name: bytes([number + 1] * 32) for number, name in enumerate(sorted(contents))}
    written = leaf(decision, salts)
    tree = MerkleTree([leaf_hash(bytes([number])) for number in range(2)])
    for later in (written, b"later", b"later still"):
        tree.append(leaf_hash(later))
    left = {name: (salts[name], contents[name]) for name in contents if not erased.get(name)}
    checkpoint = signed_checkpoint(Checkpoint("example.org/weir", 5, tree.root()), [SIGNER])
    proven = Proven(3, written, left, 5, tree.inclusion(2), checkpoint)
    preserved = preserved or seal("d1", json.dumps(PRESERVED), SIGNER)
    return folder(preserved, proven, [SIGNER.verifier], SIGNER, made_at=200)


def test_a_folder_is_checked_by_itself_and_by_keys_that_one_trusts() -> None:
    for trusted in ((), (SIGNER.verifier,)):
        found = check_folder(made(), trusted)
        assert found.decision.id == "d1" and found.decision.reason == "the figure was wrong"
        assert (found.checkpoint.size, found.absent, found.signers) == (5, (), (SIGNER.verifier,))


def test_what_was_erased_is_told_and_the_rest_still_holds() -> None:
    found = check_folder(made(persons=True))
    assert found.absent == ("persons",)
    assert (found.decision.actor, found.decision.reason) == ("", "the figure was wrong")


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, *FILES])
def test_no_byte_of_any_file_changes_unseen(name: str) -> None:
    files = made()
    content = files[name]
    for place in {0, len(content) // 3, len(content) // 2, len(content) - 2, len(content) - 1}:
        altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(EvidenceAltered):
            check_folder(files | {name: altered})
    for other in (content + b"\n", content[:-1], b""):
        with pytest.raises(EvidenceAltered):
            check_folder(files | {name: other})
    with pytest.raises(EvidenceAltered, match="missing") as caught:
        check_folder({one: content for one, content in files.items() if one != name})
    assert caught.value.field == name


def test_a_file_that_does_not_belong_to_the_folder_is_told() -> None:
    with pytest.raises(EvidenceAltered, match="does not belong") as caught:
        check_folder(made() | {"notes.txt": b"mine"})
    assert caught.value.field == "notes.txt"


@pytest.mark.parametrize("name", [ITEM, DECISION, PROOF, CHECKPOINT, REPORT, KEYS])
def test_a_manifest_that_was_made_to_fit_is_told_by_its_signature(name: str) -> None:
    files = made()
    files[name] += b" "
    manifest = json.loads(files[MANIFEST])
    manifest["files"][name] = {"bytes": len(files[name]), "sha256": sha256(files[name]).hexdigest()}
    files[MANIFEST] = json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"
    with pytest.raises(EvidenceAltered):
        check_folder(files, (SIGNER.verifier,))


def test_what_was_preserved_is_sealed_apart_from_the_folder() -> None:
    """An export after the stored copy was altered does not hold, though every file has its digest and is signed."""
    sealed = seal("d1", json.dumps(PRESERVED), SIGNER)
    with pytest.raises(EvidenceAltered, match="sealed") as caught:
        check_folder(made(Preserved(json.dumps(PRESERVED | {"left_out": 5}), sealed.seal)))
    assert caught.value.field == ITEM


def test_keys_that_did_not_sign_open_nothing() -> None:
    with pytest.raises(EvidenceAltered, match="none of the known keys"):
        check_folder(made(), (OTHER.verifier,))


def test_the_report_says_in_plain_text_what_was_done_about_what_and_why() -> None:
    text = made()[REPORT].decode()
    for said in (
        "REPORT ON THE DECISION d1",
        "the figure was wrong",
        "item i1",
        "A title",
        "| second line",
        "12 before it was preserved",
        "tier standard",
        "label rumour",
        "label, 1970-01-01 00:00:50 UTC, revision 1",
        "revision 3 of 5",
        "Author ada",
        "1970-01-01 00:01:40 UTC",
    ):
        assert said in text
