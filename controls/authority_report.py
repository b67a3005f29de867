"""The report to an authority: a decision and what was preserved at it, in plain text that needs no other document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from textwrap import indent, wrap
from typing import Any

from controls.decisions import Decision

_WIDTH = 96
_ERASED = "(erased)"


def report(decision: Decision, preserved: Mapping[str, Any], made_at: int, origin: str, size: int) -> str:
    """The text, made at a second; ``origin`` and ``size`` name the ledger and its length at that time."""
    return "\n".join(_lines(decision, preserved, made_at, origin, size)) + "\n"


def _lines(decision: Decision, preserved: Mapping[str, Any], made_at: int, origin: str, size: int) -> Iterator[str]:
    basis = decision.basis
    yield f"REPORT ON THE DECISION {decision.id}"
    yield f"made {_second(made_at)} from the ledger {origin}"
    yield from _section("The decision")
    yield from _named("act", decision.type.value)
    yield from _named("about", f"{decision.subject.kind.value} {decision.subject.id}")
    yield from _named("decided", _second(decision.decided_at))
    yield from _named("in force from", _second(decision.starts_at))
    yield from _named("until", _end(decision))
    yield from _named(
        "where", f"surfaces {', '.join(decision.scope.surfaces)}; regions {', '.join(decision.scope.regions)}"
    )
    yield from _named("by", f"{decision.actor or _ERASED} ({decision.role or _ERASED})")
    yield from _named(
        "ground", ", ".join(part for part in (basis.kind, basis.clause, basis.category, basis.url) if part)
    )
    yield from _named("reason", decision.reason or _ERASED)
    for name, value in sorted(decision.parameters.items()):
        yield from _named(name, str(value))
    for piece in decision.evidence:
        yield from _named("evidence", piece)
    yield from _named("ledger", f"revision {decision.revision} of {size}; proof.json and checkpoint.txt prove it")
    for number, one in enumerate(preserved["items"], 1):
        yield from _item(number, one)
    for author in preserved["authors"]:
        yield from _section(f"Author {author['id']}")
        for name in ("name", "kind", "standing", "identity"):
            yield from _named(name, str(author[name]))
    yield from _section("How this was preserved")
    yield from _named("preserved", f"{_second(preserved['preserved_at'])}, and sealed with the ledger's key (item.sig)")
    if preserved["late"]:
        yield from _named("note", "after the decision, when the service ran again; items may have changed in between")
    if preserved["left_out"]:
        yield from _named("note", f"{preserved['left_out']} further items of the subject are not in this folder")
    yield from _named("readers", "none is named here: reach is told in numbers")


def _item(number: int, one: Mapping[str, Any]) -> Iterator[str]:
    item = one["item"]
    yield from _section(f"Item {number}: {item['id']}")
    yield from _named("title", item["title"])
    yield from _named("author", item["author"])
    yield from _named("published", _second(item["published_at"]))
    for name in ("language", "region", "community"):
        if item[name]:
            yield from _named(name, item[name])
    if item["topics"]:
        yield from _named("topics", ", ".join(item["topics"]))
    for label in one["labels"]:
        given = f"{label['score']:g}, given by {label['given_by']} {_second(label['given_at'])}"
        yield from _named(f"label {label['name']}", given)
    verdict = one["verdict_before"]
    if verdict is not None:
        shown = "could be shown" if verdict["eligible"] else "could not be shown"
        yield from _named("before", f"{shown}, tier {verdict['tier']}, weight {verdict['weight']:g}")
    for earlier in one["earlier"]:
        act = f"{earlier['type']}, {_second(earlier['decided_at'])}, revision {earlier['revision']}"
        yield from _named("decided earlier", act)
    yield from _named("exposures", f"{one['exposures']} before it was preserved")
    if len(one["family"]) > 1:
        yield from _named("duplicates", ", ".join(other for other in one["family"] if other != item["id"]))
    if item["text"]:
        yield "  text:"
        yield indent(item["text"], "    | ", lambda line: True)


def _section(title: str) -> tuple[str, str, str]:
    return "", title, "-" * len(title)


def _named(name: str, value: str) -> Iterator[str]:
    lines = wrap(" ".join(value.split()), _WIDTH - 19) or ["-"]
    yield f"  {name + ':':16} {lines[0]}"
    for line in lines[1:]:
        yield f"{'':19}{line}"


def _end(decision: Decision) -> str:
    if decision.expires_at is not None:
        return _second(decision.expires_at)
    return f"reviewed by {_second(decision.review_by)}" if decision.review_by is not None else "no end"


def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
