"""Evidence folders on disk: made from a store beside a running server, read back from anywhere (law 1).

Owns where the parts come from; what a folder holds and how it is checked is ``controls.evidence``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

from controls.errors import EvidenceAltered
from controls.evidence import Proven, folder
from feed.errors import AlreadyThere, NotFound
from feed.ledger.keys import LogKeys
from feed.ledger.proofs import inclusion
from feed.storage.ports.store import Store
from feed.transparency.evidence import evidence_of

_LARGEST = 64 << 20
"""Bytes of one file beyond which a folder is not read: none is made so large."""


def files_of(store: Store, keys: LogKeys, decision: str, now: int) -> dict[str, bytes]:
    """The files of the folder of a decision, made at a second; raises ``NotFound`` where no evidence is held."""
    kept = evidence_of(store, decision)
    found = store.ledger.by_id(decision)
    if found is None:
        raise NotFound(f"no decision {decision!r} is in the ledger; check the id")
    proof = inclusion(store, keys, found.revision)
    (entry,) = store.log.entries(found.revision - 1, 1)
    proven = Proven(
        revision=entry.revision,
        leaf=entry.leaf,
        attachments=entry.attachments,
        size=proof.size,
        path=[bytes.fromhex(part) for part in proof.path],
        checkpoint=proof.checkpoint,
    )
    return folder(kept.preserved, proven, keys.public, keys.signer, now)


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that must not be there yet, its owner's alone, whole or not at all."""
    if path.exists():
        raise AlreadyThere(f"{path} is there already; name a new folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        for name, content in files.items():
            descriptor = os.open(aside / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        os.rename(aside, path)
    except BaseException:
        for left in aside.iterdir():
            left.unlink()
        aside.rmdir()
        raise


def read_folder(path: Path) -> dict[str, bytes]:
    """The files of a folder; raises ``EvidenceAltered`` for one that no folder has."""
    files: dict[str, bytes] = {}
    for file in sorted(path.iterdir()):
        if not file.is_file() or file.is_symlink() or file.stat().st_size > _LARGEST:
            raise EvidenceAltered(file.name, "it does not belong to the folder")
        files[file.name] = file.read_bytes()
    return files
