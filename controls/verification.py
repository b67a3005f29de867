"""Checking a ledger from its entries alone: gapless, unaltered, signed, and foldable (laws 1 and 2).

Pure: entries and checkpoints are handed in, in order, from a store or an export; the first thing that is wrong is told
with its place. What has been signed cannot be altered unseen by anybody without the key; entries behind the last
checkpoint are only held to their own hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from controls.checkpoints import opened_checkpoint
from controls.decisions import Decision
from controls.errors import ControlsError, LedgerAltered, NoteError
from controls.ledger import committed, decision_from, leaf_hash, opens
from controls.merkle import MerkleTree
from controls.notes import VerifierKey
from controls.policy import Policy
from controls.state import State


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked and found whole. ``attachments`` opened their commitments; ``absent`` ones were erased or left
    out; ``checkpoints`` were signed by ``signers`` and the last of them covers ``signed`` entries. ``policy`` and
    ``model`` are what the entries fold to at the second of the latest decision, empty without one."""

    entries: int
    root: bytes
    attachments: int
    absent: int
    checkpoints: int
    signed: int
    signers: tuple[VerifierKey, ...]
    policy: str
    model: str


class LedgerCheck:
    """Takes a ledger from its first revision on. Every method raises :class:`LedgerAltered` for what is wrong."""

    def __init__(self, origin: str, keys: Sequence[VerifierKey], policies: Callable[[str], Policy]) -> None:
        """``keys``: those whose signature counts. ``policies`` gives a published policy by content hash."""
        self._origin = origin
        self._keys = keys
        self._tree = MerkleTree()
        self._state = State(policies)
        self._ids: set[str] = set()
        self._latest = 0
        self._attachments = self._absent = self._checkpoints = self._signed = 0
        self._signers: dict[VerifierKey, None] = {}

    @property
    def size(self) -> int:
        """Entries taken."""
        return self._tree.size

    def root(self) -> bytes:
        """Root over the entries taken."""
        return self._tree.root()

    def entry(
        self, revision: int, leaf: bytes, digest: bytes, attachments: Mapping[str, tuple[bytes, bytes]]
    ) -> Decision:
        """Check the next entry: ``digest`` is the leaf's stated hash, attachments are salt and content by name."""
        if revision != self.size + 1:
            raise LedgerAltered(self.size + 1, f"it is missing; revision {revision} comes in its place")
        if leaf_hash(leaf) != digest:
            raise LedgerAltered(revision, "the leaf does not have its hash: one of them was altered")
        try:
            promised = committed(leaf)
            for name, (salt, content) in attachments.items():
                if not opens(leaf, name, salt, content):
                    raise LedgerAltered(revision, f"the attachment {name!r} is not the one that the leaf commits to")
            contents = {name: content for name, (_, content) in attachments.items()}
            decision = decision_from(leaf, contents, revision)
            self._fold(decision)
        except LedgerAltered:
            raise
        except (ControlsError, KeyError, TypeError, ValueError) as error:
            raise LedgerAltered(revision, f"it cannot be folded ({error})") from error
        self._attachments += len(attachments)
        self._absent += len(promised) - len(attachments)
        self._tree.append(digest)
        return decision

    def _fold(self, decision: Decision) -> None:
        if decision.id in self._ids:
            raise LedgerAltered(decision.revision, f"the id {decision.id!r} came before")
        if decision.reverses is not None and decision.reverses not in self._ids:
            raise LedgerAltered(decision.revision, f"it reverses {decision.reverses!r}, which is no earlier decision")
        self._ids.add(decision.id)
        self._latest = max(self._latest, decision.decided_at)
        self._state.decide([decision])

    def checkpoint(self, note: str, size: int | None = None) -> None:
        """Check a signed checkpoint over exactly the entries taken; ``size`` is what its place says of it."""
        place = self.size if size is None else size
        try:
            checkpoint, signers = opened_checkpoint(note, self._keys, self._origin)
        except NoteError as error:
            raise LedgerAltered(place, f"the checkpoint of size {place}: {error}", signed=True) from error
        if checkpoint.size != place:
            raise LedgerAltered(
                place, f"the checkpoint kept for size {place} is of size {checkpoint.size}", signed=True
            )
        if checkpoint.size != self.size:
            raise LedgerAltered(
                self.size + 1, f"it is missing: the ledger ends here, but {checkpoint.size} entries were signed"
            )
        if checkpoint.root != self.root():
            raise LedgerAltered(
                self._signed + 1,
                f"this entry, or one from here to {self.size}, is not what was signed, though it has its hash",
            )
        self._checkpoints += 1
        self._signed = self.size
        self._signers |= dict.fromkeys(signers)

    def result(self) -> Checked:
        """What was checked."""
        self._state.advance(self._latest)
        governance = self._state.governance()
        return Checked(
            entries=self.size,
            root=self.root(),
            attachments=self._attachments,
            absent=self._absent,
            checkpoints=self._checkpoints,
            signed=self._signed,
            signers=tuple(self._signers),
            policy=governance.policy,
            model=governance.model,
        )
