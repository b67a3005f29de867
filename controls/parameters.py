"""Parameters of decisions: what each type needs beside its subject, and within which bounds (law 9)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from controls.decisions import DecisionType, Subject, SubjectKind
from controls.errors import InvalidDecision
from controls.experiments import MEASURES, OUTCOMES, check_arms, check_name


class Service(StrEnum):
    """What of the service to authors a ``restrict_author`` limits."""

    PRE_REVIEW = "pre_review"
    """Items published from its start on are held until they are released."""
    NO_RECOMMENDATION = "no_recommendation"
    """The author's items are recommended to nobody."""
    RATE = "rate"
    """At most ``per_day`` items are taken from the author a day."""
    SUSPENDED = "suspended"
    """The author's items are recommended to nobody, and new ones are refused."""


POWERS: Mapping[SubjectKind, tuple[str, ...]] = {
    SubjectKind.COMMUNITY: ("founder", "manager"),
    SubjectKind.PLATFORM: ("editor", "moderator", "policy", "experimenter", "auditor"),
}
"""The powers that can be granted, by the kind of what they hold in."""

LAST_POSITION = 499
"""A session serves 500 items at most."""

MAX_FACTOR = 4.0
MAX_POINTS = 100
"""An author's standing is 100 points at most, and so is what a strike takes."""
MAX_PER_DAY = 10_000
MAX_NOTICE_TEXT = 1_000
_LONGEST = 256
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_LABEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def check_parameters(act: DecisionType, subject: Subject | None, parameters: Mapping[str, object]) -> None:
    """Raise :class:`InvalidDecision`, naming the parameter, for the first that is missing, wrong or not known."""
    wanted = _WANTED.get(act, {})
    for name in parameters:
        if name not in wanted:
            raise InvalidDecision(f"{act.value} has no parameter {name!r}; remove it", f"parameters.{name}")
    for name, test in wanted.items():
        test(parameters.get(name), f"parameters.{name}")
    if act is DecisionType.RESTRICT_AUTHOR:
        _check_rate(parameters)
    if act in (DecisionType.GRANT, DecisionType.REVOKE) and subject is not None:
        powers = POWERS.get(subject.kind, ())
        if parameters["power"] not in powers:
            where = "the platform" if subject.kind is SubjectKind.PLATFORM else f"a {subject.kind.value}"
            raise InvalidDecision(f"powers in {where} are {', '.join(powers)}; choose one", "parameters.power")


_Test = Callable[[object, str], None]


def _whole(what: str, low: int, high: int, *, optional: bool = False) -> _Test:
    def test(value: object, field: str) -> None:
        if optional and value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InvalidDecision(f"{what}, a whole number from {low} to {high}", field)

    return test


def _number(what: str, inside: Callable[[float], bool]) -> _Test:
    def test(value: object, field: str) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise InvalidDecision(what, field)
        if not math.isfinite(value) or not inside(value):
            raise InvalidDecision(what, field)

    return test


def _text(what: str, longest: int = _LONGEST) -> _Test:
    def test(value: object, field: str) -> None:
        if not isinstance(value, str) or not value.strip():
            raise InvalidDecision(what, field)
        if len(value) > longest:
            raise InvalidDecision(f"longer than {longest} characters; shorten it", field)
        # Lone surrogates cannot be written as UTF-8, and so neither to the ledger.
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidDecision("not valid Unicode text; send UTF-8", field)

    return test


def _word(what: str, pattern: re.Pattern[str]) -> _Test:
    def test(value: object, field: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise InvalidDecision(f"{what}: up to 64 small letters, digits and - _", field)

    return test


def _one_of(what: str, words: tuple[str, ...], *, optional: bool = False) -> _Test:
    def test(value: object, field: str) -> None:
        if value not in words and not (optional and value is None):
            raise InvalidDecision(f"{what}: {', '.join(words)}", field)

    return test


def _hold(value: object, field: str) -> None:
    if value is not None:
        _word("a hold says in a word what it waits for", _LABEL)(value, field)


def _service(value: object, field: str) -> None:
    if value not in tuple(Service):
        raise InvalidDecision(f"a restrict_author needs a service: {', '.join(Service)}", field)


def _check_rate(parameters: Mapping[str, object]) -> None:
    """``per_day`` belongs to ``rate``, which cannot do without it."""
    rated, given = parameters["service"] == Service.RATE, parameters.get("per_day") is not None
    if rated and not given:
        raise InvalidDecision("rate needs per_day, the items taken from the author a day", "parameters.per_day")
    if given and not rated:
        raise InvalidDecision("per_day belongs to the service rate; remove it", "parameters.per_day")


_POWER: dict[str, _Test] = {
    "person": _text("a power is somebody's; give the person's id, as their token names them"),
    "power": _text("which power? name it"),
}
_WANTED: dict[DecisionType, dict[str, _Test]] = {
    DecisionType.PIN: {"position": _whole("a pin needs a position", 0, LAST_POSITION)},
    DecisionType.BOOST: {
        "factor": _number(f"a boost needs a factor above 0 and up to {MAX_FACTOR:g}", lambda x: 0 < x <= MAX_FACTOR)
    },
    DecisionType.SUPPRESS: {"hold": _hold},
    DecisionType.PUBLISH_POLICY: {"policy": _text("publish_policy needs the version of the policy")},
    DecisionType.ACTIVATE_MODEL: {"model": _text("activate_model needs the version of the model")},
    DecisionType.LABEL: {
        "name": _word("a label has a name", _LABEL),
        "score": _number("a label has a score from 0 to 1", lambda x: 0 <= x <= 1),
    },
    DecisionType.CORRECT: {
        "notice": _word("a correction shows a notice with the item; give its code", _NAME),
        "text": _text("a correction says what is right; give the text", MAX_NOTICE_TEXT),
    },
    DecisionType.RESTRICT_AUTHOR: {
        "service": _service,
        "per_day": _whole("per_day is the items taken from the author a day", 1, MAX_PER_DAY, optional=True),
        "below": _whole("below is the threshold of standing that was crossed", 1, MAX_POINTS, optional=True),
    },
    DecisionType.STRIKE: {"points": _whole("a strike takes points", 1, MAX_POINTS)},
    DecisionType.VERIFY_IDENTITY: {"identity": _word("an attestation names the identity state", _NAME)},
    DecisionType.GRANT: _POWER,
    DecisionType.REVOKE: _POWER,
    DecisionType.START_EXPERIMENT: {
        "name": check_name,
        "arms": check_arms,
        "outcome": _one_of("an experiment measures one kind of events", OUTCOMES),
        "measure": _one_of("a measure is one of", MEASURES, optional=True),
    },
    DecisionType.STOP_EXPERIMENT: {
        "experiment": _text("name the experiment by the id of the decision that started it")
    },
}


def parameters_of(act: DecisionType) -> tuple[str, ...]:
    """The names of the parameters that a type may have."""
    return tuple(_WANTED.get(act, ()))
