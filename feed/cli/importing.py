"""``weir import``: a data set on disk into the store of a home folder."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from feed.cli.failures import CommandFailed
from feed.cli.speaking import Home, Json, print_json, progress_bar, remark, settings_for


class Format(StrEnum):
    """Formats that can be imported."""

    MOVIELENS = "movielens"
    GOODBOOKS = "goodbooks"
    NDJSON = "ndjson"
    AUTO = "auto"


def import_data(
    format: Annotated[Format, typer.Argument(help="Format of the data; auto looks at the files.")],
    path: Annotated[Path, typer.Argument(help="Folder or file.", show_default=False)],
    home: Home = None,
    prefix: Annotated[str, typer.Option(help="Text before every id, so that data sets can share a store.")] = "",
    errors: Annotated[int, typer.Option(min=0, help="Refused lines to show; all are counted.")] = 20,
    json: Json = False,
) -> None:
    """Import items, authors, labels and events. Repeating an import changes nothing; an interrupted one continues."""
    from feed.clock import SystemClock
    from feed.importers import FORMATS, Bookmark, Importer, detect
    from feed.storage.errors import StoreInUse
    from feed.stores import open_store

    data = detect(path, prefix) if format is Format.AUTO else FORMATS[format](path, prefix)
    settings = settings_for(home)
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = SystemClock().now()
    try:
        store = open_store(settings)
    except StoreInUse as busy:
        raise CommandFailed(f"{busy}: importing writes the store itself, so stop the server for it") from busy
    with closing(store):
        bookmark = Bookmark(settings.home, f"{data.format} {prefix}", data.parts)
        importer = Importer(data, store, now=now, bookmark=bookmark, errors_shown=errors)
        with progress_bar() as bar:
            summary = importer.run(bar.amount)
        while store.journal.pending():
            store.journal.publish(extra=b"", at=now).result()
    if json:
        print_json(summary.as_json())
    else:
        if summary.continued_at:
            remark(f"continued at {summary.continued_at}")
        for line in summary.shown:
            remark(line)
        hidden = sum(summary.refused.values()) - len(summary.shown)
        if hidden > 0:
            remark(f"… and {hidden} more refused lines")
        typer.echo(f"{summary.lines} lines of {data.format} read")
        for name, number in sorted(summary.counts.items()):
            typer.echo(f"  {name}: {number}")
        for reason, number in sorted(summary.refused.items()):
            typer.echo(f"  refused, {reason}: {number}")
    if summary.lines and not summary.counts:
        raise CommandFailed(f"{path}: every line was refused; is this {data.format}?")
