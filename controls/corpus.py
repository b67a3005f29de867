"""Golden corpora: example items with the verdicts that a policy is to give them, so that a change of rules shows.

A rule *decides* an example when the verdict would be another without it; a shadow rule, when it is recorded there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from controls.causes import EMPTY_CLASS, Classes
from controls.compile import CompiledPolicy
from controls.conditions import Document, Duration, Name, Number, Text
from controls.documents import Path, line_of, read
from controls.errors import PolicyError, Problem
from controls.join import Verdict, join
from controls.policy import Policy, problems_of
from controls.scopes import EVERYWHERE, AgeClass, Audience, Sensitive, SurfaceKind
from controls.signals import LABEL_PREFIX

Score = Annotated[Number, Field(ge=0, le=1)]
Words = tuple[Text, ...]


class LabelGiven(Document):
    """A label with its ``score``, given ``age`` ago."""

    score: Score
    age: Duration = 1


class ExampleAuthor(Document):
    """The author of an example, as far as rules see one."""

    id: Text | None = None
    standing: Number | None = None
    kind: Text | None = None
    identity: Text | None = None


class ExampleAudience(Document):
    """To whom it is shown; what is not told is unknown, as it is for a reader who tells nothing."""

    region: Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$")] = EVERYWHERE
    age: Literal["adult", "minor", "unknown"] = "adult"
    sensitive: Literal["hide", "warn", "show", ""] = ""


class ExampleItem(Document):
    """An item as rules see it. What is not told is missing; a label is a score, or a score with its age."""

    id: Text | None = None
    labels: dict[Name, Score | LabelGiven] = Field(default_factory=dict)
    author: ExampleAuthor = ExampleAuthor()
    topics: Words = ()
    community: Text | None = None
    language: Text | None = None
    region: Text | None = None
    age: Duration | None = None


class Expected(Document):
    """The verdict that is to come out. ``eligible`` follows from the tier, and ``weight`` is not looked at, unless
    they are told; notices and disabled interactions are none unless told."""

    tier: Literal["encouraged", "standard", "restricted", "blocked"]
    eligible: bool | None = None
    weight: Number | None = None
    notices: Words = ()
    disabled: Words = ()


class Example(Document):
    """One item, to one audience, on one surface, and what is expected."""

    name: Text
    item: ExampleItem
    audience: ExampleAudience = ExampleAudience()
    surface: Literal["home", "topic", "related", "community"] = "home"
    expect: Expected


class Corpus(Document):
    """The examples of a policy."""

    examples: Annotated[tuple[Example, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an example: ``wrong`` tells field by field what differs, ``decided_by`` the ids of rules."""

    example: str
    line: int | None
    wrong: tuple[str, ...]
    decided_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """All outcomes, and the rules that decide no example."""

    outcomes: tuple[Outcome, ...]
    undecided: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether every example came out as expected and every rule decides one."""
        return not self.undecided and not any(outcome.wrong for outcome in self.outcomes)


def parse_corpus(text: str) -> tuple[Corpus, dict[Path, int]]:
    """A corpus from YAML or JSON text, and where everything stood; raises :class:`controls.errors.PolicyError`."""
    document, lines = read(text)
    try:
        return Corpus.model_validate(document), dict(lines)
    except ValidationError as error:
        raise PolicyError(problems_of(error, lines)) from error


def try_corpus(policy: Policy, text: str, as_of: int) -> Tried:
    """Judge the examples of a corpus at a second; raises :class:`controls.errors.PolicyError` for an unreadable one."""
    corpus, lines = parse_corpus(text)
    seen: dict[str, int] = {}
    for place, example in enumerate(corpus.examples):
        if seen.setdefault(example.name, place) != place:
            line = line_of(("examples", place, "name"), lines)
            raise PolicyError([Problem("examples", line, f"two examples are named {example.name!r}", "rename one")])
    cells = _Cells([example.item for example in corpus.examples], as_of)
    whole = _judged(policy, corpus, cells, as_of)
    decided: list[list[str]] = [[] for _ in corpus.examples]
    for place, rule in enumerate(policy.rules):
        others = policy.model_copy(update={"rules": (*policy.rules[:place], *policy.rules[place + 1 :])})
        compared = [rule.id in recorded for _, recorded in whole]
        if rule.mode == "live":
            without = _judged(others, corpus, cells, as_of)
            compared = [one[0] != other[0] for one, other in zip(whole, without, strict=True)]
        for found, differs in zip(decided, compared, strict=True):
            if differs:
                found.append(rule.id)
    outcomes = tuple(
        Outcome(example.name, line_of(("examples", place), lines), _wrong(example.expect, verdict), tuple(rules))
        for place, (example, (verdict, _), rules) in enumerate(zip(corpus.examples, whole, decided, strict=True))
    )
    deciding = {rule for outcome in outcomes for rule in outcome.decided_by}
    return Tried(outcomes, tuple(rule.id for rule in policy.rules if rule.id not in deciding))


def _judged(policy: Policy, corpus: Corpus, cells: _Cells, as_of: int) -> list[tuple[Verdict, frozenset[str]]]:
    """The verdict of each example, and the ids of all rules that are recorded there."""
    classes = Classes()
    compiled = CompiledPolicy(policy, classes)
    judged = []
    for row, example in enumerate(corpus.examples):
        handle, _ = compiled.apply_to(cells, row, as_of, EMPTY_CLASS)
        causes = classes.causes_of(handle)
        told = example.audience
        audience = Audience(told.region, AgeClass(told.age), sensitive=Sensitive(told.sensitive))
        verdict = join([classes.contribution(cause) for cause in causes], audience, SurfaceKind(example.surface))
        judged.append((verdict, frozenset(classes.named(cause).id for cause in causes)))
    return judged


def _wrong(expected: Expected, verdict: Verdict) -> tuple[str, ...]:
    wanted: dict[str, object] = {
        "tier": expected.tier,
        "eligible": expected.tier != "blocked" if expected.eligible is None else expected.eligible,
        "notices": tuple(sorted(expected.notices)),
        "disabled": tuple(sorted(expected.disabled)),
    }
    found: dict[str, object] = {
        "tier": verdict.tier.word,
        "eligible": verdict.eligible,
        "notices": verdict.effects.notices,
        "disabled": verdict.effects.disabled,
    }
    if expected.weight is not None:
        # Weights are multiples of 1/1024, and each factor is rounded to one.
        wanted["weight"], weight = expected.weight, round(verdict.weight / 1024, 3)
        found["weight"] = expected.weight if abs(weight - expected.weight) < 0.002 else weight
    return tuple(
        f"{name} is {_told(found[name])}, not {_told(wanted[name])}" for name in wanted if found[name] != wanted[name]
    )


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value).lower()


class _Cells:
    """The examples as rules see them."""

    def __init__(self, items: list[ExampleItem], as_of: int) -> None:
        self._items = items
        self._as_of = as_of

    def number_at(self, signal: str, row: int, as_of: int) -> float:
        item = self._items[row]
        if signal == "author.standing":
            return nan if item.author.standing is None else item.author.standing
        if signal == "item.age":
            return nan if item.age is None else float(item.age)
        given = item.labels.get(signal.removeprefix(LABEL_PREFIX), nan)
        return given.score if isinstance(given, LabelGiven) else given

    def label_time_at(self, label: str, row: int) -> int:
        given = self._items[row].labels.get(label)
        return self._as_of - (given.age if isinstance(given, LabelGiven) else 1)

    def words_at(self, signal: str, row: int) -> tuple[str, ...]:
        item = self._items[row]
        if signal == "topic":
            return item.topics
        value = {
            "item.id": item.id,
            "author.id": item.author.id,
            "author.kind": item.author.kind,
            "author.identity": item.author.identity,
            "community": item.community,
            "language": item.language,
            "region": item.region,
        }[signal]
        return () if value is None else (value,)
