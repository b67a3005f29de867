"""``weir transparency``: the public report of a period, and statements of reasons for the DSA Transparency Database."""

from __future__ import annotations

import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.failures import BadInput, CommandFailed
from feed.cli.speaking import Home, Json, print_json, print_table, remark, settings_for

if TYPE_CHECKING:
    from feed.storage.ports.store import Store

DEFAULT_DAYS = 30


class Form(StrEnum):
    """How it is printed."""

    JSON = "json"
    CSV = "csv"
    DSA = "dsa"


def transparency(
    form: Annotated[
        Form | None,
        typer.Option("--format", help="json or csv: the report; dsa: bodies of 100 statements, one a line."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day (UTC); 30 days back by default.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day, included; today by default.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="With dsa: the same as --from; by default all statements."),
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Print what was done in a period, or the statements of reasons that are owed for it, ready to be sent."""
    from feed.clock import SystemClock
    from feed.stores import open_store

    if json and form not in (None, Form.JSON):
        raise BadInput(f"--json and --format {form} are two formats; keep one of them")
    if first is not None and since is not None:
        raise BadInput("--from and --since both name the first day; keep one of them")
    now = SystemClock().now()
    until = _day("--to", last) or datetime.datetime.fromtimestamp(now, datetime.UTC).date()
    begins = _day("--from", first) or _day("--since", since)
    if begins is not None and begins > until:
        raise BadInput(f"the period begins on {begins} and ends on {until}; give an earlier first day")
    store = open_store(settings_for(home), exclusive=False)
    try:
        if form is Form.DSA:
            _print_statements(store, begins, until)
        else:
            _print_report(
                store, Form.JSON if json else form, begins or until - datetime.timedelta(days=DEFAULT_DAYS - 1), until
            )
    finally:
        store.close()


def _print_report(store: Store, form: Form | None, first: datetime.date, last: datetime.date) -> None:
    from dataclasses import asdict

    from controls.transparency import rows_of
    from feed.clock import SystemClock
    from feed.transparency.reports import Tallies, as_csv

    report = Tallies(store, SystemClock().monotonic).report(first, last)
    if form is Form.CSV:
        typer.echo(as_csv(report), nl=False)
    elif form is Form.JSON:
        print_json(asdict(report))
    else:
        rows = [
            (section, measure.replace("_", " "), key, value or "-") for section, measure, key, value in rows_of(report)
        ]
        print_table(f"what was done from {first} to {last}", ("", "", "", ""), rows[2:])


def _print_statements(store: Store, first: datetime.date | None, last: datetime.date) -> None:
    import orjson

    from controls.statements import batches
    from feed.transparency.dsa_export import Left, exported

    left, count, lines = Left(), 0, 0
    before = _second(last) + 86_400
    try:
        for batch in batches(exported(store, _second(first) if first is not None else 0, before, left)):
            count, lines = count + len(batch["statements"]), lines + 1
            typer.echo(orjson.dumps(batch).decode())
    except ValueError as error:
        raise CommandFailed(str(error)) from error
    outside = f"; {left.outside} hold in no country of the European Economic Area" if left.outside else ""
    remark(f"{count} statements in {lines} bodies of POST /api/v1/statements{outside}")


def _day(option: str, text: str | None) -> datetime.date | None:
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is no date; write it as YYYY-MM-DD") from None


def _second(day: datetime.date) -> int:
    return int(datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp())
