"""Problems: the register of every way in which the API refuses (RFC 9457 problem types).

A type's name is stable: clients may switch on it, and its page under ``/problems/<name>`` says what it means and what
to do. ``feed.http.refusals`` turns errors into answers; docs/problems.md is held to this register by a test.
"""

from __future__ import annotations

from collections.abc import Mapping

from feed.http.busy_problems import BUSY_PROBLEMS
from feed.http.case_problems import CASE_PROBLEMS
from feed.http.experiment_problems import EXPERIMENT_PROBLEMS
from feed.http.problem import Problem

__all__ = ["PROBLEMS", "Problem", "reference"]


_REGISTER = (
    Problem(
        "body-unreadable",
        400,
        "The body cannot be read",
        "The body is not well-formed JSON or YAML.",
        "Correct the syntax at the line that `errors` names.",
    ),
    Problem(
        "request-unreadable",
        400,
        "The request cannot be read",
        "What came in is not HTTP/1.1, or of a method that nobody knows.",
        "Check the client, and the proxies between it and the service.",
    ),
    Problem(
        "request-head-too-large",
        431,
        "The request's head is too large",
        "The request's line and headers are longer, or more, than any that is needed here.",
        "Send fewer and shorter headers and parameters; lists go into a body.",
    ),
    Problem(
        "cursor-forged",
        400,
        "The cursor is not one of ours",
        "The cursor was not made by this service, or was altered.",
        "Leave the cursor out to begin a new session.",
    ),
    Problem(
        "cursor-foreign",
        400,
        "The cursor belongs to another session",
        "The cursor was made for another reader or surface.",
        "Use each cursor only with the reader and surface it came from.",
    ),
    Problem(
        "cursor-expired",
        400,
        "The cursor has expired",
        "The cursor is older than the operator's setting, or from another release.",
        "Leave the cursor out to begin a new session.",
    ),
    Problem(
        "not-authenticated",
        401,
        "No credentials",
        "The route needs a bearer token or an API key, and none was given.",
        "Send `Authorization: Bearer <token or key>`.",
    ),
    Problem(
        "token-invalid",
        401,
        "The token does not hold",
        "The token is malformed, forged, or of an algorithm, issuer or audience that is not accepted here.",
        "Get a new token from the issuer that this service trusts.",
    ),
    Problem(
        "token-expired",
        401,
        "The token has expired",
        "The token is past its `exp` or before its `nbf`.",
        "Get a new token; if it is new, check the clocks of both machines.",
    ),
    Problem(
        "key-refused",
        401,
        "The key does not hold",
        "The API key is unknown, revoked or expired.",
        "Ask an administrator for a new key.",
    ),
    Problem("not-allowed", 403, "Not allowed", "The caller may not do this.", "Ask somebody whose role allows it."),
    Problem(
        "scope-missing",
        403,
        "A scope is missing",
        "The route wants a scope that the token or key does not carry.",
        "Ask for a token with one of the scopes that `detail` names.",
    ),
    Problem(
        "not-yours",
        403,
        "Not yours",
        "A reader's or author's token reaches only that reader or author.",
        "Use the id that is the token's `sub`.",
    ),
    Problem(
        "publishing-suspended",
        403,
        "The author is suspended",
        "A decision suspends the author: no new items are taken, and none that say something new.",
        "Appeal the decision that `detail` names, or wait for its end.",
    ),
    Problem(
        "needs-approval",
        403,
        "A second person must approve",
        "The act is of high impact and needs a second approver.",
        "Have it approved by somebody else with the scope.",
    ),
    Problem(
        "not-found", 404, "Not found", "Nothing is known by this path or id.", "Check the id; /docs lists every path."
    ),
    Problem(
        "unknown-item",
        404,
        "The item is not known",
        "No item with this id has been published, or it may not be shown.",
        "Check the id; a new item is known from the next edition on, a second after it was put.",
    ),
    Problem(
        "method-not-allowed",
        405,
        "The path has no such method",
        "The path exists, but not with this method.",
        "Use a method that the `Allow` header names.",
    ),
    Problem(
        "conflict",
        409,
        "It contradicts what holds",
        "The act contradicts what already holds.",
        "Read the current state, then decide again.",
    ),
    Problem("already-reversed", 409, "Already reversed", "The decision was reversed before.", "Nothing is left to do."),
    Problem(
        "nothing-to-restore",
        409,
        "Nothing to restore",
        "No takedown of the subject is in force.",
        "Nothing is left to do; what else holds the subject is told by its verdict.",
    ),
    Problem(
        "nothing-to-revoke",
        409,
        "Nothing to revoke",
        "The person does not hold the power there.",
        "Nothing is left to do; check the person's id, the power and the community.",
    ),
    Problem(
        "position-taken",
        409,
        "The position is taken",
        "Another pin holds this position, or pins this item, for some of the same audience at some of the same time.",
        "Reverse the pin that `detail` names, or choose another position, scope or time.",
    ),
    Problem(
        "ineligible-subject",
        409,
        "The subject may not be shown there",
        "A placement of an item that is blocked, suppressed or withdrawn was refused.",
        "Lift what holds the item first, or place another one.",
    ),
    Problem(
        "idempotency-conflict",
        409,
        "The idempotency key was used otherwise",
        "The same `Idempotency-Key` came before with another request.",
        "Use a new key for a new request.",
    ),
    Problem(
        "model-worse",
        409,
        "The model is worse than the active one",
        "The model's hold-out score is below the active model's.",
        "Train again, or say `force: true` with the reason.",
    ),
    Problem(
        "model-unusable",
        409,
        "The model cannot be served",
        "The model's file is missing, truncated or altered.",
        "Train again; the active model stays.",
    ),
    Problem(
        "gone",
        410,
        "Kept no longer",
        "It was here and has been erased, expired or withdrawn.",
        "Nothing brings it back.",
    ),
    Problem(
        "version-mismatch",
        412,
        "Somebody else was faster",
        "`If-Match` names another version than the stored one.",
        "Read the current version, apply the change to it and send it again.",
    ),
    Problem(
        "decided-since",
        412,
        "Something was decided since",
        "Something about the subject was decided after the revision, or the dry run, that the request names.",
        "Read what was decided, then decide again with the newer revision or digest.",
    ),
    Problem(
        "body-too-large",
        413,
        "The body is too large",
        "The body is longer than the limit of this route.",
        "Send it in several requests.",
    ),
    Problem(
        "media-type-refused",
        415,
        "The body's type is not read here",
        "The route does not read bodies of this `Content-Type`.",
        "Send one of the types that `detail` names.",
    ),
    Problem(
        "input-invalid",
        422,
        "Some fields do not hold",
        "Fields of the query or body are missing, unknown or out of range.",
        "Correct the fields that `errors` names.",
    ),
    Problem(
        "invalid-decision",
        422,
        "The decision cannot be made like this",
        "A field of the decision is missing, contradictory or out of range.",
        "Correct the field that `errors` names.",
    ),
    Problem(
        "unknown-reference",
        422,
        "It names something unknown",
        "The decision names a decision, policy or model that does not exist.",
        "Check the id in the field that `errors` names.",
    ),
    Problem(
        "invalid-policy",
        422,
        "The policy document cannot be used",
        "The document breaks the policy schema or cannot hold; the active policy stays.",
        "Correct every entry of `errors`, each with path and line.",
    ),
    Problem(
        "too-many-requests",
        429,
        "Too many requests",
        "The caller's rate is used up.",
        "Wait as many seconds as `Retry-After` says.",
    ),
    Problem(
        "internal",
        500,
        "Something failed here",
        "The service met an error that it did not expect. It is logged with the request id.",
        "Try again; if it stays, tell the operator the request id.",
    ),
    Problem(
        "storage-failed",
        503,
        "The store does not answer",
        "The store failed to read or write; nothing was half written.",
        "Try again as `Retry-After` says; the operator finds the cause in /readyz.",
    ),
    Problem(
        "controls-stale",
        503,
        "Controls cannot be confirmed",
        "This replica could not confirm the newest decisions in time, so it serves no page rather than a stale one.",
        "Try again; it recovers by itself once it can read the store.",
    ),
)

PROBLEMS: Mapping[str, Problem] = {
    problem.name: problem for problem in (*_REGISTER, *BUSY_PROBLEMS, *CASE_PROBLEMS, *EXPERIMENT_PROBLEMS)
}
"""Every problem type by name."""


def reference(name: str) -> str:
    """The ``type`` of a problem: a URI reference to its page."""
    return f"/problems/{name}"
