"""``weir policy``: policies looked at before they are published: what is wrong with one, and what another changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from feed.cli.failures import CommandFailed
from feed.cli.policy_acts import preview, publish, rollback
from feed.cli.policy_files import read_policy, stored_policy, text_of
from feed.cli.speaking import Home, Json, print_json, print_table, settings_for

if TYPE_CHECKING:
    from controls.corpus import Tried
    from controls.differences import Move
    from controls.lint import Finding

CORPUS = ".corpus.yaml"
"""Ending of the file beside a policy that tells its examples."""

app = typer.Typer(
    help="Check policies, compare and preview them, publish one, and go back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("preview")(preview)
app.command("publish")(publish)
app.command("rollback")(rollback)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A policy file with all that was found in it."""

    path: Path
    findings: list[Finding]
    tried: Tried | None

    def failed(self, strict: bool) -> bool:
        """Whether the command is to end with 1 because of it."""
        broken = any(finding.fatal or strict for finding in self.findings)
        return broken or (self.tried is not None and not self.tried.kept)


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(help="Policy files; a .corpus.yaml stands for the policy beside it.")],
    strict: Annotated[bool, typer.Option("--strict", help="Advice fails, too.")] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Lint policies and try their examples. Exit code 1 for errors, or an example that comes out otherwise."""
    labels = _labels(home) if home is not None else None
    policies = dict.fromkeys(_policy_of(path) for path in files)
    checked = [_check(path, labels) for path in policies]
    if json:
        print_json({"files": [_document(one) for one in checked]})
    else:
        for one in checked:
            _tell(one)
    failed = [str(one.path) for one in checked if one.failed(strict)]
    if failed:
        raise CommandFailed(f"{len(failed)} of {len(checked)} policies need work: {', '.join(failed)}")


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(help="A policy file; with --home also a version, or `active`.")],
    new: Annotated[str, typer.Argument(help="The same for the policy it is compared with.")],
    home: Home = None,
    region: Annotated[str, typer.Option(metavar="CODE", help="With --home: the region that items are shown in.")] = "*",
    age: Annotated[
        Literal["adult", "minor", "unknown"], typer.Option(help="With --home: whom items are shown to.")
    ] = "adult",
    surface: Annotated[
        Literal["home", "topic", "related", "community"], typer.Option(help="With --home: where items are shown.")
    ] = "home",
    json: Json = False,
) -> None:
    """Tell rule by rule and field by field what a policy changes and, with --home, which items it moves."""
    from controls.differences import differences, moves
    from controls.scopes import AgeClass, Audience, SurfaceKind
    from feed.cli.stores import reading

    if home is None:
        found, moved, names = differences(read_policy(old), read_policy(new)), None, None
    else:
        with reading(settings_for(home)) as (store, snapshot):
            before, after = (stored_policy(name, store, snapshot) for name in (old, new))
            audience, place = Audience(region, AgeClass(age)), SurfaceKind(surface)
            found = differences(before, after)
            moved = moves(snapshot.catalogue, before, after, snapshot.as_of, audience, place)
            names = snapshot.catalogue.ids
    if json:
        told: dict[str, object] = {
            "changes": [{"kind": c.kind, "where": c.where, "old": c.old, "new": c.new} for c in found]
        }
        if moved is not None and names is not None:
            told["moves"] = [
                {"old": m.old, "new": m.new, "items": m.count, "examples": [names[row] for row in m.rows]}
                for m in moved
            ]
        print_json(told)
        return
    signs = {"added": "+", "removed": "-", "changed": "~"}
    for change in found:
        typer.echo(f"{signs[change.kind]} {change.where}: {' -> '.join(filter(None, (change.old, change.new)))}")
    if not found:
        typer.echo("no rule, tier or set differs")
    if moved is not None and names is not None:
        _tell_moves(moved, names)


def _policy_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(CORPUS) + ".yaml") if path.name.endswith(CORPUS) else path


def _check(path: Path, labels: frozenset[str] | None) -> _Checked:
    from controls.corpus import try_corpus
    from controls.errors import PolicyError
    from controls.lint import Finding, lint
    from controls.policy import parse
    from feed.clock import SystemClock

    now, text = SystemClock().now(), text_of(path)
    findings, corpus = lint(text, now, labels), path.with_name(path.stem + CORPUS)
    if not corpus.is_file() or any(finding.kind == "invalid" for finding in findings):
        return _Checked(path, findings, None)
    try:
        return _Checked(path, findings, try_corpus(parse(text), text_of(corpus), now))
    except PolicyError as error:
        why = "examples that cannot be read show nothing"
        broken = [
            Finding("corpus", True, (corpus.name, *p.path.split(".")), p.line, p.message, why, p.remedy)
            for p in error.problems
        ]
        return _Checked(path, [*findings, *broken], None)


def _tell(one: _Checked) -> None:
    for finding in one.findings:
        severity = "error" if finding.fatal else "advice"
        where = ".".join(map(str, finding.where))
        path = one.path.with_name(str(finding.where[0])) if finding.kind == "corpus" else one.path
        typer.echo(f"{path}:{finding.line or 1}: {severity} {finding.kind}{where and f' at {where}'}")
        typer.echo(f"    {finding.what}\n    why: {finding.why}\n    fix: {finding.fix}")
    verdict = "sound" if not one.findings else f"{len(one.findings)} findings"
    if one.tried is None:
        typer.echo(f"{one.path}: {verdict}")
        return
    corpus = one.path.with_name(one.path.stem + CORPUS)
    for outcome in one.tried.outcomes:
        for wrong in outcome.wrong:
            typer.echo(f"{corpus}:{outcome.line or 1}: error example {outcome.example!r}: {wrong}")
    for rule in one.tried.undecided:
        typer.echo(f"{corpus}:1: error no example is decided by rule {rule!r}; add one whose verdict hangs on it")
    kept = sum(not outcome.wrong for outcome in one.tried.outcomes)
    typer.echo(f"{one.path}: {verdict}, {kept} of {len(one.tried.outcomes)} examples as expected")


def _document(one: _Checked) -> dict[str, object]:
    findings = [
        {
            "kind": finding.kind,
            "severity": "error" if finding.fatal else "advice",
            "path": ".".join(map(str, finding.where)),
            "line": finding.line,
            "what": finding.what,
            "why": finding.why,
            "fix": finding.fix,
        }
        for finding in one.findings
    ]
    told: dict[str, object] = {"file": str(one.path), "findings": findings, "examples": None, "undecided": None}
    if one.tried is not None:
        told["undecided"] = list(one.tried.undecided)
        told["examples"] = [
            {"name": o.example, "line": o.line, "wrong": list(o.wrong), "decided_by": list(o.decided_by)}
            for o in one.tried.outcomes
        ]
    return told


def _tell_moves(moved: Sequence[Move], names: Sequence[str]) -> None:
    if not moved:
        typer.echo("no item changes tier by the policies alone")
        return
    rows = [(m.old, m.new, f"{m.count:,}", ", ".join(names[row] for row in m.rows)) for m in moved]
    print_table("items that move, by the policies alone", ("from", "to", "items", "such as"), rows)


def _labels(home: Path) -> frozenset[str]:
    from feed.cli.stores import reading

    with reading(settings_for(home)) as (_, snapshot):
        return frozenset(snapshot.catalogue.labels)
