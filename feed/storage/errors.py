"""The errors of storage: one small tree. Each names what was wrong, where, and what to do.

StorageError
├── OpeningRefused           the store was not opened, and the file was left as it was
│   ├── StoreMissing         there is no store at this path
│   ├── StoreForeign         the file is not a Weir store
│   ├── StoreCorrupt         the store is damaged (also found while reading)
│   ├── StoreInUse           another process owns the store
│   ├── StoreOccupied        a store is where an empty place was asked for
│   ├── SchemaTooOld         written by an earlier release
│   ├── SchemaTooNew         written by a later release (also found while reading)
│   └── SharingRefused       what processes share beside the store must not be used like this
├── WriteRefused             this write was refused; others are not touched by it
│   ├── VersionConflict      the record was changed meanwhile
│   ├── IdempotencyConflict  the idempotency key was used for another request
│   ├── RecordRefused        a value that cannot be stored, or an id that is taken
│   └── StoreReadOnly        the store was opened for reading
├── StoreBusy                more writes are waiting than the queue may hold
├── StoreClosed              the store was closed
├── DiskFull                 no room left; nothing of the write was kept
└── StoreFailed              the database or the device failed; nothing of the write was kept

SharingFailed                what processes share beside the store cannot be reached
"""

from __future__ import annotations


class StorageError(Exception):
    """Root of the tree. As the exception of a write it also says that nothing of the write was kept."""


class OpeningRefused(StorageError):
    """The store was not opened, and the file was left as it was."""


class StoreMissing(OpeningRefused):
    """There is no store at this path."""


class StoreForeign(OpeningRefused):
    """The file is not a Weir store."""


class StoreCorrupt(OpeningRefused):
    """The store is damaged."""


class StoreInUse(OpeningRefused):
    """Another process owns the store; ``pid`` is its number, 0 when it could not be read."""

    def __init__(self, message: str, pid: int = 0) -> None:
        super().__init__(message)
        self.pid = pid


class StoreOccupied(OpeningRefused):
    """A store is where an empty place was asked for."""


class SchemaTooOld(OpeningRefused):
    """Written by an earlier release."""


class SchemaTooNew(OpeningRefused):
    """Written by a later release."""


class SharingRefused(OpeningRefused):
    """What processes share beside the store must not be used like this: another deployment's, too old, or misnamed."""


class WriteRefused(StorageError):
    """This write was refused; others are not touched by it."""


class VersionConflict(WriteRefused):
    """The record was changed meanwhile; ``stored`` is its version now."""

    def __init__(self, message: str, stored: int) -> None:
        super().__init__(message)
        self.stored = stored


class IdempotencyConflict(WriteRefused):
    """The idempotency key was used for another request."""


class RecordRefused(WriteRefused):
    """A value that cannot be stored, or an id that is taken."""


class StoreReadOnly(WriteRefused):
    """The store was opened for reading."""


class StoreBusy(StorageError):
    """More writes are waiting than the queue may hold; try again in a moment."""


class StoreClosed(StorageError):
    """The store was closed."""


class DiskFull(StorageError):
    """No room left; nothing of the write was kept."""


class StoreFailed(StorageError):
    """The database or the device failed; nothing of the write was kept."""


class SharingFailed(Exception):
    """What processes share beside the store cannot be reached; the store is still the truth."""
