"""The errors of the service: one small tree. Each names what was wrong, where, and what to do.

FeedError
├── BodyUnreadable       400  the body is not well-formed
├── NotAuthenticated     401  no credentials, or ones that do not hold
│   ├── TokenInvalid          malformed, forged, of another algorithm, issuer or audience
│   ├── TokenExpired          past its ``exp``, or before its ``nbf``
│   └── KeyRefused            an API key that is unknown, revoked or expired
├── NotAllowed           403  authenticated, but not for this
│   ├── ScopeMissing          the route wants another scope
│   ├── NotYours              a personal token reaches its own reader or author only
│   └── PublishingSuspended   the author is suspended, and publishes nothing
├── NotFound             404  nothing is known by this id
│   └── UnknownItem           no item by this id, or none that this caller may see
├── Gone                 410  it was here, and is kept no longer
├── VersionMismatch      412  ``If-Match`` names another version than the stored one
├── BodyTooLarge         413  the body is longer than the limit
├── MediaTypeRefused     415  the body is of a type that this route does not read
├── InputInvalid         422  fields that do not hold, each by name
├── TooManyRequests      429  the caller's rate is used up
├── Overloaded           503  more is asked than can be answered in time
├── StoreSlow            503  the store did not confirm a write in time
├── CursorRefused        400  a cursor that does not continue this session
│   ├── CursorForged          not made by this service, or altered
│   ├── CursorForeign         made for another reader or surface
│   └── CursorExpired         older than the setting allows
├── AlreadyThere         409  something of this name is there already
├── ModelWorse           409  a model whose hold-out score is below the active one's
├── ExportAltered             a file of ledger entries that is not what was exported
├── BackupAltered             a backup that is not what was made
├── PlaceTaken                where something is to be put, something else is
└── SetupInvalid              settings or files with which the service must not start

Each answerable error has a ``type``, the stable name of its problem in ``feed.http.problems``. Errors of storage,
controls and ranking keep their own trees; ``feed.http.problems`` says how each is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: the field (or line) by name, what is wrong, and its line if it has one."""

    field: str
    message: str
    line: int | None = None


class FeedError(Exception):
    """Base of the tree. ``headers`` go onto the answer; ``faults`` into its ``errors``."""

    type = "internal"

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.faults = tuple(faults)


class BodyUnreadable(FeedError):
    """The body is not well-formed."""

    type = "body-unreadable"


class NotAuthenticated(FeedError):
    """No credentials, or ones that do not hold."""

    type = "not-authenticated"

    def __init__(self, detail: str) -> None:
        error = "" if self.type == "not-authenticated" else ', error="invalid_token"'
        super().__init__(detail, headers={"WWW-Authenticate": f'Bearer realm="weir"{error}'})


class TokenInvalid(NotAuthenticated):
    """A token that is malformed, forged, or of another algorithm, issuer or audience."""

    type = "token-invalid"


class TokenExpired(NotAuthenticated):
    """A token past its ``exp`` or before its ``nbf``."""

    type = "token-expired"


class KeyRefused(NotAuthenticated):
    """An API key that is unknown, revoked or expired."""

    type = "key-refused"


class NotAllowed(FeedError):
    """Authenticated, but not for this."""

    type = "not-allowed"


class ScopeMissing(NotAllowed):
    """The route wants a scope that the caller does not have."""

    type = "scope-missing"


class NotYours(NotAllowed):
    """A personal token reaches its own reader or author only."""

    type = "not-yours"


class PublishingSuspended(NotAllowed):
    """The author's publications are refused while a decision suspends them."""

    type = "publishing-suspended"


class NotFound(FeedError):
    """Nothing is known by this id."""

    type = "not-found"


class UnknownItem(NotFound):
    """No item by this id, or none that this caller may see."""

    type = "unknown-item"

    def __init__(self, item: str) -> None:
        super().__init__(f"no item {item!r} is known here; check the id")


class Gone(FeedError):
    """It was here, and is kept no longer."""

    type = "gone"


class VersionMismatch(FeedError):
    """``If-Match`` names another version than the stored one."""

    type = "version-mismatch"


class BodyTooLarge(FeedError):
    """The body is longer than the limit."""

    type = "body-too-large"


class MediaTypeRefused(FeedError):
    """The body is of a type that this route does not read."""

    type = "media-type-refused"


class InputInvalid(FeedError):
    """Fields that do not hold, each by name."""

    type = "input-invalid"


class TooManyRequests(FeedError):
    """The caller's rate is used up."""

    type = "too-many-requests"


class Overloaded(FeedError):
    """More is asked of this process than it can answer in time."""

    type = "overloaded"


class StoreSlow(FeedError):
    """The store did not confirm in time: what was sent may be written, or not; what is asked for may yet come."""

    type = "store-slow"


class CursorRefused(FeedError):
    """A cursor that does not continue this session."""

    type = "cursor-forged"


class CursorForged(CursorRefused):
    """Not made by this service, or altered."""

    type = "cursor-forged"


class CursorForeign(CursorRefused):
    """Made for another reader or surface."""

    type = "cursor-foreign"


class CursorExpired(CursorRefused):
    """Older than the setting allows."""

    type = "cursor-expired"


class AlreadyThere(FeedError):
    """Something of this name is there already."""

    type = "conflict"


class ModelWorse(FeedError):
    """A model whose hold-out score is below the active one's."""

    type = "model-worse"


class ExportAltered(FeedError):
    """A file of ledger entries that is not what was exported; ``revision`` is the first wrong one, 0 for a line that
    is no entry."""

    type = "internal"

    def __init__(self, detail: str, revision: int) -> None:
        super().__init__(detail)
        self.revision = revision


class BackupAltered(FeedError):
    """A backup that is incomplete, or not as its manifest says."""


class PlaceTaken(FeedError):
    """Where something is to be put, something else is."""


class SetupInvalid(FeedError):
    """Settings or files with which the service must not start."""

    type = "internal"
