"""``weir export``: what training reads, as files for other engines and other tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from feed.cli.speaking import Home, Json, print_json, progress_bar, settings_for


class Form(StrEnum):
    """The formats of an export."""

    PARQUET = "parquet"


def export(
    form: Annotated[Form, typer.Argument(metavar="FORMAT", help="parquet")],
    folder: Annotated[Path, typer.Argument(help="Where to; an export that lies there is replaced.")],
    home: Home = None,
    json: Json = False,
) -> None:
    """Write the interactions that training reads: consented events, weighted, readers as numbers of this export."""
    from feed.cli.stores import reading
    from feed.models.parquet import export as exported
    from feed.models.training import interactions_of

    with reading(settings_for(home)) as (store, snapshot), progress_bar() as bar:
        about = exported(interactions_of(store, snapshot.catalogue), folder, bar.share)
    if json:
        print_json({"readers": about.readers, "rows": about.rows, "count": about.count, "folder": str(folder)})
    else:
        typer.echo(f"{about.count} interactions of {about.readers} readers with {about.rows} rows are in {folder}")
