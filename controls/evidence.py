"""Evidence folders: what was preserved at a decision, with all that is needed to check it anywhere, offline (law 1).

The manifest holds the digest of every file, and is signed. What was preserved was sealed with the ledger's key when it
was, so that nobody could change it afterwards; the decision opens its leaf's commitments, and the leaf is proven to be
in the ledger whose head the checkpoint signs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from controls.authority_report import report
from controls.checkpoints import Checkpoint, opened_checkpoint
from controls.decisions import Decision
from controls.errors import ControlsError, EvidenceAltered
from controls.ledger import committed, decision_from, leaf_hash, opens
from controls.merkle import verify_inclusion
from controls.notes import SignerKey, VerifierKey, opened, signed

_T = TypeVar("_T")

FORMAT = "weir-evidence"
VERSION = 1

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
ITEM = "item.json"
SEAL = "item.sig"
DECISION = "decision.json"
PROOF = "proof.json"
CHECKPOINT = "checkpoint.txt"
KEYS = "keys.txt"
REPORT = "report.txt"

FILES = (ITEM, SEAL, DECISION, PROOF, CHECKPOINT, KEYS, REPORT)
"""The files that the manifest lists."""


@dataclass(frozen=True, slots=True)
class Preserved:
    """What was preserved at a decision: JSON text, and the note that sealed it."""

    text: str
    seal: str


@dataclass(frozen=True, slots=True)
class Proven:
    """A decision in its ledger: its leaf, salt and content of the attachments that are left by name, its place, and the
    path from it to the root that the checkpoint signs."""

    revision: int
    leaf: bytes
    attachments: Mapping[str, tuple[bytes, bytes]]
    size: int
    path: Sequence[bytes]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class EvidenceChecked:
    """A folder that is whole: the decision in it, the tree its leaf is in, attachments that were erased, and whose key
    signed it."""

    decision: Decision
    checkpoint: Checkpoint
    absent: tuple[str, ...]
    signers: tuple[VerifierKey, ...]


def seal(decision: str, text: str, signer: SignerKey) -> Preserved:
    """Seal what is preserved at a decision."""
    return Preserved(text, signed(_sealed(decision, text.encode()), [signer]))


def folder(
    preserved: Preserved, proven: Proven, keys: Sequence[VerifierKey], signer: SignerKey, made_at: int
) -> dict[str, bytes]:
    """The files of an evidence folder, by name, made at a second. ``keys``: all that may have signed."""
    attachments = {
        name: {"content": content.decode(), "salt": salt.hex()}
        for name, (salt, content) in sorted(proven.attachments.items())
    }
    decision = _decision(proven)
    files = {
        ITEM: preserved.text.encode(),
        SEAL: preserved.seal.encode(),
        DECISION: _document(
            {
                "attachments": attachments,
                "leaf": proven.leaf.decode(),
                "leaf_hash": leaf_hash(proven.leaf).hex(),
                "revision": proven.revision,
            }
        ),
        PROOF: _document(
            {"path": [part.hex() for part in proven.path], "revision": proven.revision, "size": proven.size}
        ),
        CHECKPOINT: proven.checkpoint.encode(),
        KEYS: "".join(f"{key}\n" for key in keys).encode(),
        REPORT: report(decision, json.loads(preserved.text), made_at, keys[0].name, proven.size).encode(),
    }
    listed = {name: {"bytes": len(files[name]), "sha256": sha256(files[name]).hexdigest()} for name in FILES}
    manifest = {"decision": decision.id, "files": listed, "format": FORMAT, "made_at": made_at, "version": VERSION}
    files[MANIFEST] = _document(manifest)
    files[SIGNATURE] = signed(_signed(files[MANIFEST]), [signer]).encode()
    return files


def check_folder(files: Mapping[str, bytes], trusted: Sequence[VerifierKey] = ()) -> EvidenceChecked:
    """Check the files of a folder alone. Without ``trusted`` keys those that it names itself are taken.

    Raises :class:`EvidenceAltered` for the first file that is not what was exported.
    """
    manifest = _manifest(files)
    keys = trusted or _held(KEYS, lambda: [VerifierKey.parse(line) for line in _text(files, KEYS).splitlines()])
    named, _ = _held(SIGNATURE, lambda: opened(_text(files, SIGNATURE), keys))
    if named != _signed(files[MANIFEST]):
        raise EvidenceAltered(SIGNATURE, "it signs another manifest")
    proof = _json(files, PROOF)
    proven = _held(DECISION, lambda: _proven(_json(files, DECISION), proof, _text(files, CHECKPOINT)))
    decision = _held(DECISION, lambda: _decision(proven))
    if decision.id != manifest["decision"]:
        raise EvidenceAltered(DECISION, f"it is not the decision {manifest['decision']!r} of the manifest")
    promised = _held(DECISION, lambda: committed(proven.leaf))
    for name, (salt, content) in proven.attachments.items():
        if not opens(proven.leaf, name, salt, content):
            raise EvidenceAltered(DECISION, f"the attachment {name!r} is not the one that the leaf commits to")
    sealed, signers = _held(SEAL, lambda: opened(_text(files, SEAL), keys))
    if sealed != _sealed(decision.id, files[ITEM]):
        raise EvidenceAltered(ITEM, "it is not what was sealed at the decision")
    origin = signers[0].name
    checkpoint, signers = _held(CHECKPOINT, lambda: opened_checkpoint(proven.checkpoint, keys, origin))
    if checkpoint.size != proven.size:
        raise EvidenceAltered(CHECKPOINT, f"it is of another size than the proof, {proven.size}")
    hashed = leaf_hash(proven.leaf)
    if not verify_inclusion(hashed, proven.revision - 1, proven.size, proven.path, checkpoint.root):
        raise EvidenceAltered(PROOF, "it does not lead from the decision to the checkpoint")
    return EvidenceChecked(decision, checkpoint, tuple(sorted(promised - proven.attachments.keys())), signers)


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    for name in (MANIFEST, SIGNATURE, *FILES):
        if name not in files:
            raise EvidenceAltered(name, "it is missing")
    for name in files:
        if name not in (MANIFEST, SIGNATURE, *FILES):
            raise EvidenceAltered(name, "it does not belong to the folder")
    manifest = _json(files, MANIFEST)
    listed = manifest.get("files")
    if (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION) or not isinstance(listed, dict):
        raise EvidenceAltered(MANIFEST, "it is no manifest of this version's form")
    for name in FILES:
        found = {"bytes": len(files[name]), "sha256": sha256(files[name]).hexdigest()}
        if listed.get(name) != found:
            raise EvidenceAltered(name, "it does not have the digest that the manifest lists")
    return manifest


def _proven(body: Mapping[str, Any], proof: Mapping[str, Any], checkpoint: str) -> Proven:
    if proof["revision"] != body["revision"]:
        raise EvidenceAltered(PROOF, f"it is of another revision than the decision's, {body['revision']}")
    attachments = {
        name: (bytes.fromhex(part["salt"]), part["content"].encode()) for name, part in body["attachments"].items()
    }
    path = [bytes.fromhex(part) for part in proof["path"]]
    return Proven(int(body["revision"]), body["leaf"].encode(), attachments, int(proof["size"]), path, checkpoint)


def _decision(proven: Proven) -> Decision:
    contents = {name: content for name, (_, content) in proven.attachments.items()}
    return decision_from(proven.leaf, contents, proven.revision)


def _held(file: str, read: Callable[[], _T]) -> _T:
    """What is read of a file; :class:`EvidenceAltered` for what cannot be."""
    try:
        return read()
    except EvidenceAltered:
        raise
    except (ControlsError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise EvidenceAltered(file, f"it does not hold ({error})") from error


def _json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    document = _held(name, lambda: json.loads(files[name]))
    if not isinstance(document, dict):
        raise EvidenceAltered(name, "it is no JSON object")
    return document


def _text(files: Mapping[str, bytes], name: str) -> str:
    return _held(name, files[name].decode)


def _document(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"


def _sealed(decision: str, content: bytes) -> str:
    return f"weir evidence preserved at a decision\n{decision}\n{sha256(content).hexdigest()}\n"


def _signed(manifest: bytes) -> str:
    return f"weir evidence manifest\n{sha256(manifest).hexdigest()}\n"
