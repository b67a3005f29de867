"""Statements of reasons, with exactly the fields of the EU DSA Transparency Database (DSA art. 17 and 24(5), law 9).

A ``StatementFields`` that exists can be sent: every required and conditional field, length, date and enumeration of the
database's schema of 2025-07-01 holds. It has no personal data: who wrote, decided or reported is not among the fields,
and texts are cleared by :func:`impersonal` before they are put in.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from controls.dsa import (
    LANGUAGES,
    TERRITORIES,
    Account,
    AccountType,
    AutomatedDecision,
    Category,
    ContentType,
    Ground,
    Keyword,
    Monetary,
    Provision,
    SourceType,
    Visibility,
    YesNo,
)

BATCH = 100
"""Statements of one request to the database at most."""

OLDEST_CONTENT = datetime.date(2000, 1, 1)
OLDEST_APPLICATION = datetime.date(2020, 1, 1)
LATEST = datetime.date(2038, 1, 1)

LONGEST = {"facts": 5000, "explanation": 2000, "line": 500}

Facts = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST["facts"])]
Explanation = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST["explanation"])]
Line = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST["line"])]
Puid = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9-_]{1,500}$")]
Ean13 = Annotated[str, StringConstraints(pattern=r"^[0-9]{13}$")]


class StatementFields(BaseModel):
    """One statement as the database takes it. Raises pydantic's ``ValidationError`` with every field that does not
    hold. ``puid`` names it for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision_visibility: tuple[Visibility, ...] | None = None
    decision_visibility_other: Line | None = None
    decision_monetary: Monetary | None = None
    decision_monetary_other: Line | None = None
    decision_provision: Provision | None = None
    decision_account: Account | None = None
    account_type: AccountType | None = None
    decision_facts: Facts
    decision_ground: Ground
    decision_ground_reference_url: Line | None = None
    illegal_content_legal_ground: Line | None = None
    illegal_content_explanation: Explanation | None = None
    incompatible_content_ground: Line | None = None
    incompatible_content_explanation: Explanation | None = None
    incompatible_content_illegal: YesNo | None = None
    content_type: Annotated[tuple[ContentType, ...], Field(min_length=1)]
    content_type_other: Line | None = None
    category: Category
    category_addition: tuple[Category, ...] | None = None
    category_specification: tuple[Keyword, ...] | None = None
    category_specification_other: Line | None = None
    territorial_scope: tuple[str, ...] | None = None
    content_language: str | None = None
    content_date: datetime.date
    content_id: dict[str, Ean13] | None = None
    application_date: datetime.date
    end_date_visibility_restriction: datetime.date | None = None
    end_date_monetary_restriction: datetime.date | None = None
    end_date_service_restriction: datetime.date | None = None
    end_date_account_restriction: datetime.date | None = None
    source_type: SourceType
    source_identity: Line | None = None
    automated_detection: YesNo
    automated_decision: AutomatedDecision
    puid: Puid

    @field_validator("territorial_scope")
    @classmethod
    def _countries(cls, codes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        unknown = sorted(set(codes or ()) - set(TERRITORIES))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no country of the European Economic Area (ISO 3166-1 alpha-2)")
        return codes

    @field_validator("content_language")
    @classmethod
    def _language(cls, code: str | None) -> str | None:
        if code is not None and code not in LANGUAGES:
            raise ValueError(f"{code!r} is no ISO 639-1 code in capital letters")
        return code

    @field_validator("content_id")
    @classmethod
    def _ean(cls, named: dict[str, str] | None) -> dict[str, str] | None:
        if named is not None and set(named) != {"EAN-13"}:
            raise ValueError("content_id has one name, EAN-13")
        return named

    @model_validator(mode="after")
    def _dates(self) -> StatementFields:
        if not OLDEST_CONTENT <= self.content_date <= LATEST:
            raise ValueError(f"content_date lies from {OLDEST_CONTENT} to {LATEST}")
        if not OLDEST_APPLICATION <= self.application_date <= LATEST:
            raise ValueError(f"application_date lies from {OLDEST_APPLICATION} to {LATEST}")
        for part in ("visibility", "monetary", "service", "account"):
            end = getattr(self, f"end_date_{part}_restriction")
            if end is not None and not self.application_date <= end <= LATEST:
                raise ValueError(f"end_date_{part}_restriction lies from application_date to {LATEST}")
        return self

    @model_validator(mode="after")
    def _decided(self) -> StatementFields:
        if not (self.decision_visibility or self.decision_monetary or self.decision_provision or self.decision_account):
            raise ValueError("name at least one of decision_visibility, _monetary, _provision and _account")
        self._pair("decision_visibility_other", Visibility.OTHER in (self.decision_visibility or ()))
        self._pair("decision_monetary_other", self.decision_monetary is Monetary.OTHER)
        self._pair("content_type_other", ContentType.OTHER in self.content_type)
        keywords = self.category_specification or ()
        if self.category_specification_other is not None and Keyword.OTHER not in keywords:
            raise ValueError("category_specification_other belongs to KEYWORD_OTHER alone")
        return self

    @model_validator(mode="after")
    def _grounds(self) -> StatementFields:
        illegal = self.decision_ground is Ground.ILLEGAL
        for name in ("illegal_content_legal_ground", "illegal_content_explanation"):
            self._pair(name, illegal)
        for name in ("incompatible_content_ground", "incompatible_content_explanation"):
            self._pair(name, not illegal)
        if illegal and self.incompatible_content_illegal is not None:
            raise ValueError("incompatible_content_illegal belongs to incompatible content alone")
        if self.source_type is SourceType.VOLUNTARY and self.source_identity is not None:
            raise ValueError("source_identity is for notices; the database drops it from what was found voluntarily")
        return self

    def _pair(self, name: str, wanted: bool) -> None:
        if wanted != (getattr(self, name) is not None):
            raise ValueError(f"{name} is {'missing' if wanted else 'not for this decision'}")

    def document(self) -> dict[str, Any]:
        """The statement as JSON data; fields that say nothing are left out."""
        return self.model_dump(mode="json", exclude_none=True)


_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_HANDLE = re.compile(r"(?<![\w@.])@\w[\w.-]{1,63}")
_NUMBER = re.compile(r"\+?\d(?:[\d ()/.-]{7,24}\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
WITHHELD = "[withheld]"


def impersonal(text: str, names: Iterable[str] = ()) -> str:
    """The text without e-mail addresses, handles, account and telephone numbers, and without the ``names`` given (ids
    and names of authors and persons, wherever they stand as words); each is replaced by ``[withheld]``."""
    for pattern in (_EMAIL, _HANDLE, _IBAN):
        text = pattern.sub(WITHHELD, text)
    text = _NUMBER.sub(_unless_date, text)
    lowered = text.lower()
    for name in sorted({name for name in names if len(name) > 1 and name.lower() in lowered}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", WITHHELD, text, flags=re.IGNORECASE)
    return text


def _unless_date(found: re.Match[str]) -> str:
    text = found.group()
    if _DATE.fullmatch(text) or sum(character.isdigit() for character in text) < 8:
        return text
    return WITHHELD


def batches(statements: Iterable[StatementFields]) -> Iterable[dict[str, list[dict[str, Any]]]]:
    """Statements as bodies of ``POST /api/v1/statements``, a hundred each."""
    waiting: list[dict[str, Any]] = []
    for statement in statements:
        waiting.append(statement.document())
        if len(waiting) == BATCH:
            yield {"statements": waiting}
            waiting = []
    if waiting:
        yield {"statements": waiting}
