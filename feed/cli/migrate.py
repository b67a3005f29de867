"""``weir migrate``: the embedded store of a home folder into a PostgreSQL database, where it can grow."""

from __future__ import annotations

from typing import Annotated

import typer

from feed.cli.failures import BadInput
from feed.cli.speaking import Home, Json, print_json, print_table, progress_bar, remark, settings_for


def migrate(
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="URL", help="An empty database, postgresql://user@host/name; else WEIR_DATABASE."),
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Copy the embedded store into an empty PostgreSQL database: all of it, or nothing. Stop the server first."""
    from pydantic import SecretStr

    from feed.clock import SystemClock
    from feed.storage.moving import move
    from feed.storage.postgresql.opening import without_password

    settings = settings_for(home, **({} if to is None else {"database": SecretStr(to)}))
    if settings.database is None:
        raise BadInput("which database? name it with --to, or WEIR_DATABASE if its address holds a password")
    url = settings.database.get_secret_value()
    with progress_bar() as bar:
        moved = move(settings.store_file, url, SystemClock().now(), bar.amount)
    rows = sum(table.rows for table in moved)
    if json:
        tables = [{"table": table.table, "rows": table.rows, "digest": table.digest} for table in moved]
        print_json({"from": str(settings.store_file), "to": without_password(url), "rows": rows, "tables": tables})
    else:
        print_table(
            f"{rows} rows are in {without_password(url)}, read back and alike",
            ("table", "rows", "digest"),
            [(table.table, str(table.rows), table.digest) for table in moved],
        )
    remark(
        f"serve from the database with WEIR_DATABASE and the same home folder; rename {settings.store_file}, so that "
        "nobody serves from it again: what would happen there, the database does not know"
    )
