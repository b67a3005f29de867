"""Conditions of rules: trees of all, any and not over a closed set of predicates, as written in policy documents.

There are no loops, no names to resolve but the policy's own sets, and no way to reach anything but the signals of
:mod:`controls.signals`; a condition always ends and costs a known number of array operations.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from controls.signals import LABEL_PREFIX

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST = 100 * 366 * 86_400
"""The longest duration a policy may name, in seconds: a hundred years."""

NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
"""Names of rules, sets, notices and interactions."""


def duration(value: object) -> int:
    """Seconds of ``90s``, ``10m``, ``2h`` or ``7d``, or of a plain number of seconds; raises ``ValueError``."""
    seconds = -1
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and (found := re.fullmatch(r"([0-9]{1,10})([smhd])", value)):
        seconds = int(found[1]) * SECONDS[found[2]]
    if not 1 <= seconds <= LONGEST:
        raise ValueError("a duration is a whole number with a unit, such as 90s, 10m, 2h or 7d, up to 100 years")
    return seconds


class Document(BaseModel):
    """A part of a policy document: immutable, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Duration = Annotated[int, BeforeValidator(duration)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
WRITTEN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
"""Text without control characters, but for line ends and tabs."""
Text = Annotated[str, Field(strict=True, min_length=1, max_length=256, pattern=WRITTEN)]
Name = Annotated[str, Field(strict=True, pattern=NAME)]


class LabelPredicate(Document):
    """A label's score lies within ``min`` and ``max`` (both inclusive). With ``max_age``, an older label counts as
    missing."""

    signal: Annotated[str, Field(pattern=r"^label\.[a-z0-9][a-z0-9_-]{0,63}$")]
    min: Annotated[Number, Field(ge=0, le=1)] | None = None
    max: Annotated[Number, Field(ge=0, le=1)] | None = None
    max_age: Duration | None = None

    @model_validator(mode="after")
    def _bounded(self) -> LabelPredicate:
        if self.min is None and self.max is None:
            raise ValueError("a label predicate needs min or max, or it says nothing of the score")
        return self


class StandingPredicate(Document):
    """The author's standing in points is ``below`` or ``above`` (both exclusive; both given: in between)."""

    signal: Literal["author.standing"]
    below: Number | None = None
    above: Number | None = None

    @model_validator(mode="after")
    def _bounded(self) -> StandingPredicate:
        if self.below is None and self.above is None:
            raise ValueError("author.standing needs below or above")
        return self


class AgePredicate(Document):
    """The item's age is ``below`` or ``above`` a duration (both exclusive; both given: in between)."""

    signal: Literal["item.age"]
    below: Duration | None = None
    above: Duration | None = None

    @model_validator(mode="after")
    def _bounded(self) -> AgePredicate:
        if self.below is None and self.above is None:
            raise ValueError("item.age needs below or above, for example below: 2h")
        return self


class MemberPredicate(Document):
    """The signal is one of the values listed in ``in``, or of the policy's named set ``in_set``."""

    signal: Literal[
        "topic", "community", "author.id", "author.kind", "author.identity", "language", "region", "item.id"
    ]
    values: Annotated[Annotated[tuple[Text, ...], Field(min_length=1)] | None, Field(alias="in")] = None
    in_set: Name | None = None

    @model_validator(mode="after")
    def _one_source(self) -> MemberPredicate:
        if (self.values is None) == (self.in_set is None):
            raise ValueError("needs exactly one of in (a list of values) and in_set (the name of a set)")
        return self


Predicate = LabelPredicate | StandingPredicate | AgePredicate | MemberPredicate


class AllOf(Document):
    """Every part holds."""

    all: Annotated[tuple[Condition, ...], Field(min_length=1)]


class AnyOf(Document):
    """At least one part holds."""

    any: Annotated[tuple[Condition, ...], Field(min_length=1)]


class Not(Document):
    """The part does not hold."""

    not_: Annotated[Condition, Field(alias="not")]


def _shape(value: Any) -> str | None:
    """Which kind of condition a value is meant to be; None for what is no condition at all."""
    if isinstance(value, Document):
        value = value.model_dump(by_alias=True, exclude_unset=True)
    if not isinstance(value, dict):
        return None
    for word in ("all", "any", "not"):
        if word in value:
            return f"<{word}>"
    signal = value.get("signal")
    if not isinstance(signal, str):
        return None
    if signal.startswith(LABEL_PREFIX):
        return "<label>"
    return {"author.standing": "<standing>", "item.age": "<age>"}.get(signal, "<member>")


Condition = Annotated[
    Annotated[AllOf, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[Not, Tag("<not>")]
    | Annotated[LabelPredicate, Tag("<label>")]
    | Annotated[StandingPredicate, Tag("<standing>")]
    | Annotated[AgePredicate, Tag("<age>")]
    | Annotated[MemberPredicate, Tag("<member>")],
    Discriminator(
        _shape,
        custom_error_type="condition",
        custom_error_message="a condition is one of all, any, not, or a predicate with a signal",
    ),
]
"""A node of the tree. Tags stand in angle brackets so that paths in errors can leave them out."""

SHAPES = frozenset(("<all>", "<any>", "<not>", "<label>", "<standing>", "<age>", "<member>"))
"""The tags."""

for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()
