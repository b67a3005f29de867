"""The errors of controls: one small tree. Each carries a stable ``type`` slug for problem+json, what was wrong,
the field it was found in, and what to do about it.

ControlsError
├── NotAllowed            who asks lacks the scope for this act
│   └── SameDecider       an appeal against one's own decision
├── NeedsApproval         the act needs a second person who approves it
├── InvalidDecision       a field of a proposal is missing, contradictory or out of range
│   └── UnknownReference  it names a decision, policy or model that does not exist
├── DecidedSince          something about the subject was decided after the revision that was named
├── Conflict              the act contradicts what already holds
│   ├── AlreadyReversed   the decision was reversed before
│   ├── NothingToRestore  no takedown of the subject is in force
│   ├── NothingToRevoke   the person does not hold the power there
│   ├── PositionTaken     another pin holds the position, or the item
│   ├── ExperimentClash   another experiment has the name, or sets the same parameter
│   ├── ExperimentOver    the experiment has ended already
│   ├── CaseResolved      the case has its answer
│   ├── CaseHeld          somebody else holds the case, or nobody
│   ├── CaseChanged       the case is at another version than was named
│   ├── AppealLate        the days for an appeal are over
│   └── IneligibleSubject a placement of an item that may not be shown there
├── InvalidCase           a field of a case, or of what is done with it, does not hold
├── PolicyError           a policy document cannot be used; lists every problem with path and line
├── LeafError             bytes or attachments that are not those of a ledger leaf, or a proof that cannot be made
├── NoteError             a key, signed note or checkpoint that is malformed, altered or signed by nobody known
├── LedgerAltered         an entry or checkpoint is not what was decided or signed, or is missing
├── EvidenceAltered       a file of an evidence folder is not what was exported, or is missing
└── StateError            the fold was given its inputs in the wrong order
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ControlsError(Exception):
    """Root of the tree. ``type`` is stable on the wire; ``field`` is empty when no one field is at fault."""

    type = "controls-error"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotAllowed(ControlsError):
    """Who asks lacks the scope for this act."""

    type = "not-allowed"


class SameDecider(NotAllowed):
    """An appeal against one's own decision."""

    type = "same-decider"


class NeedsApproval(ControlsError):
    """The act needs a second person who approves it."""

    type = "needs-approval"


class InvalidDecision(ControlsError):
    """A field of a proposal is missing, contradictory or out of range."""

    type = "invalid-decision"


class UnknownReference(InvalidDecision):
    """A proposal names a decision, policy or model that does not exist."""

    type = "unknown-reference"


class DecidedSince(ControlsError):
    """Something about the subject was decided after the revision that was named."""

    type = "decided-since"


class Conflict(ControlsError):
    """The act contradicts what already holds."""

    type = "conflict"


class AlreadyReversed(Conflict):
    """The decision was reversed before."""

    type = "already-reversed"


class NothingToRestore(Conflict):
    """No takedown of the subject is in force."""

    type = "nothing-to-restore"


class NothingToRevoke(Conflict):
    """The person does not hold the power there."""

    type = "nothing-to-revoke"


class PositionTaken(Conflict):
    """Another pin holds the position, or the item."""

    type = "position-taken"


class ExperimentClash(Conflict):
    """Another experiment has the name at that time, or sets the same parameter for some of the same pages."""

    type = "experiment-clash"


class ExperimentOver(Conflict):
    """The experiment has ended already."""

    type = "experiment-over"


class CaseResolved(Conflict):
    """The case has its answer."""

    type = "case-resolved"


class CaseHeld(Conflict):
    """Somebody else holds the case, or nobody."""

    type = "case-held"


class CaseChanged(Conflict):
    """The case is at another version than was named."""

    type = "case-changed"


class AppealLate(Conflict):
    """The days for an appeal are over."""

    type = "appeal-late"


class InvalidCase(ControlsError):
    """A field of a case, or of what is done with it, does not hold."""

    type = "invalid-case"


class IneligibleSubject(Conflict):
    """A placement of an item that may not be shown there."""

    type = "ineligible-subject"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a policy document: where (``rules.0.when``, line 1-based or None), what, and what to do."""

    path: str
    line: int | None
    message: str
    remedy: str

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        where = ", ".join(part for part in (line, self.path) if part)
        return f"{where or 'document'}: {self.message}; {self.remedy}"


class PolicyError(ControlsError):
    """A policy document cannot be used. ``problems`` lists everything that is wrong with it."""

    type = "invalid-policy"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems), problems[0].path)
        self.problems = tuple(problems)


class LeafError(ControlsError):
    """Bytes or attachments that are not those of a ledger leaf, or a proof that cannot be made."""

    type = "ledger-leaf"


class NoteError(ControlsError):
    """A key, signed note or checkpoint that is malformed, altered or signed by nobody known."""

    type = "ledger-note"


class LedgerAltered(ControlsError):
    """An entry or checkpoint is not what was decided or signed, or is missing; ``revision`` is the first such one.

    ``signed`` when it is the checkpoint over that many entries, and not the entry.
    """

    type = "ledger-altered"

    def __init__(self, revision: int, what: str, *, signed: bool = False) -> None:
        super().__init__(what if signed else f"revision {revision}: {what}")
        self.revision = revision


class EvidenceAltered(ControlsError):
    """A file of an evidence folder is not what was exported, or is missing; ``field`` is its name."""

    type = "evidence-altered"

    def __init__(self, file: str, what: str) -> None:
        super().__init__(f"{file}: {what}", file)


class StateError(ControlsError):
    """The fold was given its inputs in the wrong order."""

    type = "state-order"
