"""Statements as they are sent to the EU DSA Transparency Database: each validated again, in bodies of a hundred."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from controls.statements import LATEST, StatementFields
from controls.stating import day_of
from feed.storage.ports.store import Store
from feed.transparency.statement_papers import Statement, every, statement_of, statements_of

_ENDS = {
    "decision_visibility": "end_date_visibility_restriction",
    "decision_provision": "end_date_service_restriction",
    "decision_account": "end_date_account_restriction",
}


@dataclass(slots=True)
class Left:
    """How many statements were left out, because they hold in no country of the European Economic Area."""

    outside: int = 0


def exported(store: Store, since: int, before: int, left: Left) -> Iterator[StatementFields]:
    """Statements of restrictions that began from ``since`` on and before ``before``, newest first. One that has ended
    says when. Raises ``ValueError``, naming it, for one that the
    database would refuse."""
    for entry in every(statements_of(store), since=since):
        if entry.at >= before:
            continue
        told = statement_of(entry)
        if not told.fields.get("territorial_scope"):
            left.outside += 1
            continue
        yield fields_now(told)


def fields_now(told: Statement) -> StatementFields:
    """The fields of a statement with its end as it is known now; raises ``ValueError``."""
    try:
        fields = StatementFields.model_validate(dict(told.fields))
        if told.until is None:
            return fields
        day = min(max(day_of(told.until), fields.application_date), LATEST)
        ends = {end: day for decided, end in _ENDS.items() if getattr(fields, decided) is not None}
        return StatementFields.model_validate({**fields.document(), **ends})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "its fields"
        raise ValueError(f"statement {told.id}: {field}: {first['msg']}; restore the store from a backup") from error
