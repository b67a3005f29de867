"""``weir capacity``: are there people enough for the cases that come?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from feed.cli.speaking import Home, Json, print_json, print_table, settings_for


def capacity(home: Home = None, json: Json = False) -> None:
    """Set the hours of review that the cases of the last weeks ask for against those there (WEIR_REVIEW_HOURS)."""
    from feed.cases.capacity import capacity_out, measured_capacity
    from feed.clock import SystemClock
    from feed.stores import open_store

    settings = settings_for(home)
    store = open_store(settings, exclusive=False)
    try:
        found = capacity_out(measured_capacity(store, SystemClock().now(), settings.review_hours))
    finally:
        store.close()
    if json:
        print_json(asdict(found))
        return
    rows = [
        (
            load.kind,
            f"{load.per_day:.2f}",
            f"{load.minutes:.1f}{'' if load.measured else ' (assumed)'}",
            f"{load.hours_per_day:.2f}",
            f"{load.waiting:,}",
            f"{load.overdue:,}",
            f"{load.hours_waiting:.2f}",
        )
        for load in found.loads
    ]
    columns = ("kind", "a day", "minutes each", "hours a day", "waiting", "overdue", "hours waiting")
    print_table(f"cases of the last {found.days:g} days", columns, rows)
    there = f"{found.there:g} there" if found.there else "nobody has counted those there; set WEIR_REVIEW_HOURS"
    typer.echo(f"{found.needed:.2f} hours of review needed a day, {there}")
    if found.clears_in is None:
        typer.echo(f"{found.waiting:.2f} hours wait, and there is no time left for them")
    else:
        typer.echo(f"{found.waiting:.2f} hours wait, done in {found.clears_in:.1f} days")
