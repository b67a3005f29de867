"""How commands speak: results on the output (for people, or as JSON), progress and remarks on the error output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from feed.settings import Settings

Home = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help="Folder of store and models; WEIR_HOME or weir-data by default."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document in place of words.")]


_PIPED_WIDTH = 160
"""Columns of a table that goes into a file or another program."""


def settings_for(home: Path | None = None, **given: object) -> Settings:
    """Settings from the environment, with what the command line says on top."""
    chosen = {name: value for name, value in {"home": home, **given}.items() if value is not None}
    return Settings(**chosen)  # type: ignore[arg-type]


def print_json(document: Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON document on the output."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def remark(text: str) -> None:
    """A line on the error output."""
    typer.echo(text, err=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on the output; cells are shown as they are."""
    table = Table(title=title, title_justify="left", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    console.print(table)


class Bar:
    """A progress bar on the error output; its methods are the callbacks that packages ask for."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("starting", total=1.0)

    def share(self, done: float, message: str) -> None:
        """A share from 0 to 1 is done (``ranking.models.Progress``)."""
        self._progress.update(self._task, completed=done, total=1.0, description=message)

    def amount(self, message: str, done: int, total: int) -> None:
        """So much of a total is done (``feed.importers.reading.Progress``)."""
        self.share(done / total if total else 1.0, message)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar while the block runs; nothing is drawn where the error output is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<32}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("· left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress)
