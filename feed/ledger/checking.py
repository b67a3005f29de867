"""Checking the ledger of a store: every byte of its rows is held to the leaves, the tree and the signatures (law 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from controls.blocks import BLOCK
from controls.decisions import Decision
from controls.errors import LeafError, LedgerAltered
from controls.ledger import ERASED
from controls.notes import VerifierKey
from controls.policy import Policy
from controls.verification import Checked, LedgerCheck
from feed.ledger.keys import LogKeys
from feed.storage.errors import StorageError
from feed.storage.ports.store import Store
from feed.storage.records import CheckpointRecord, LedgerEntry

_PAGE = 1000


def check_store(
    store: Store,
    keys: LogKeys,
    policies: Callable[[str], Policy],
    told: Callable[[str, int, int], None],
    trusted: tuple[VerifierKey, ...] = (),
) -> Checked:
    """Check a ledger as it is stored: entries, the columns by which they are found, attachments, the tree's blocks,
    and every signed checkpoint, whose signers must be ``trusted`` (if any are named) or the store's own.

    Raises ``LedgerAltered`` with the first revision that is wrong.
    """
    head = store.ledger.head()
    check = LedgerCheck(keys.origin, trusted or keys.public, policies)
    notes = {record.size: record.note for record in checkpoints(store)}
    _check_note(check, notes)
    for entry in entries(store, head):
        decision = check.entry(entry.revision, entry.leaf, entry.leaf_hash, entry.attachments)
        _check_columns(entry, decision)
        if check.size % BLOCK == 0 or check.size == head:
            _check_tree(store, check)
        _check_note(check, notes)
        told("checking entries", check.size, head)
    if check.size < head:
        raise LedgerAltered(check.size + 1, f"it is missing: the ledger's head is {head}")
    for size in sorted(notes):
        check.checkpoint(notes[size], size)
    stray = store.log.stray()
    if stray is not None:
        raise LedgerAltered(stray, "an attachment belongs to it, but there is no such entry")
    return check.result()


def _check_note(check: LedgerCheck, notes: dict[int, str]) -> None:
    note = notes.pop(check.size, None)
    if note is not None:
        check.checkpoint(note, check.size)


def _check_columns(entry: LedgerEntry, decision: Decision) -> None:
    subject = decision.subject.id
    if (entry.id, entry.reverses) != (decision.id, decision.reverses) or (
        entry.subject != subject and not subject.startswith(ERASED)
    ):
        raise LedgerAltered(entry.revision, "the row's id, subject or reverses is not that of its leaf")


def _check_tree(store: Store, check: LedgerCheck) -> None:
    first = (check.size - 1) // BLOCK * BLOCK + 1
    try:
        root = store.log.root(check.size)
    except (StorageError, LeafError) as error:
        raise LedgerAltered(first, f"the tree over the entries from here on cannot be read ({error})") from error
    if root != check.root():
        raise LedgerAltered(first, f"the stored tree over revisions {first} to {check.size} is not that of the entries")


def entries(store: Store, head: int) -> Iterator[LedgerEntry]:
    """The entries up to a revision, in order; raises ``LedgerAltered`` for one whose row cannot be read."""
    after, limit = 0, _PAGE
    while after < head:
        try:
            page = store.log.entries(after, limit)
        except StorageError as error:
            if limit == 1:
                raise LedgerAltered(after + 1, f"the row cannot be read ({error})") from error
            limit = 1
            continue
        if not page:
            return
        yield from page
        after = page[-1].revision


def checkpoints(store: Store) -> Iterator[CheckpointRecord]:
    """The signed checkpoints that were kept, smallest first; raises ``LedgerAltered`` when one cannot be read."""
    after = -1
    try:
        while page := store.log.checkpoints(after):
            yield from page
            after = page[-1].size
    except StorageError as error:
        raise LedgerAltered(max(after, 0), f"a checkpoint kept after it cannot be read ({error})") from error
