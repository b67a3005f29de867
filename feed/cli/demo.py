"""``weir demo``: the whole service on one machine, with a community that uses it; or a check of its story."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feed.cli.failures import BadInput, CommandFailed
from feed.cli.speaking import Json, print_json, print_table, progress_bar, settings_for

DEFAULT_FOLDER = "weir-demo"


def demo(
    data: Annotated[
        Path | None,
        typer.Option(help="Real data: a MovieLens or goodbooks folder, or Weir NDJSON. Simulated when left out."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder to keep it in, used again by the next start. weir-demo, or weir-demo-DATA, by default."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. 8080 by default.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Simulate a smaller community, which is ready in seconds.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Play the whole story on a temporary folder and tell what was seen.")
    ] = False,
    grown: Annotated[
        bool,
        typer.Option("--grown", help="With --check: by four workers over a PostgreSQL and a Redis of their own."),
    ] = False,
    json: Json = False,
) -> None:
    """Serve a community with live traffic, and print URLs and curl lines; or check every promise of the story."""
    if check:
        _check(data, json, grown)
    elif grown:
        raise BadInput("--grown goes with --check; to serve the grown form, see `weir serve --workers`")
    elif json:
        raise BadInput("--json goes with --check; a running demo has nothing to print as one document")
    else:
        _run(data, folder or default_folder(data), port, small)


def default_folder(data: Path | None) -> Path:
    """A folder of its own for each data set, below where one stands."""
    return Path(DEFAULT_FOLDER if data is None else f"{DEFAULT_FOLDER}-{data.resolve().stem}")


def _run(data: Path | None, folder: Path, port: int | None, small: bool) -> None:
    from feed.clock import SystemClock
    from feed.demo.preparing import FULL, SMALL, prepare
    from feed.demo.running import run_demo
    from feed.processes.serving import check_address

    settings, clock = settings_for(folder, host="127.0.0.1", port=port), SystemClock()
    check_address(settings)
    with progress_bar() as bar:
        prepared = prepare(
            settings, data, SMALL if small else FULL, now=clock.now(), progress=bar.share, say=typer.echo
        )
    run_demo(settings, prepared, clock, typer.echo)


def _check(data: Path | None, json: bool, grown: bool) -> None:
    from feed.clock import SystemClock
    from feed.demo.check import check

    settings = settings_for(None, host="127.0.0.1", port=0)
    with progress_bar() as bar:
        told = check(data, settings, SystemClock(), bar.share, grown=grown)
    broken = [seen for seen in told if not seen.kept]
    if json:
        rows = [
            {"chapter": seen.chapter, "expected": seen.expected, "seen": seen.seen, "kept": seen.kept} for seen in told
        ]
        print_json({"kept": not broken, "chapters": rows})
    else:
        rows_told = [(seen.chapter, seen.expected, seen.seen, "yes" if seen.kept else "NO") for seen in told]
        print_table("", ("chapter", "expected", "seen", "kept"), rows_told)
    if broken:
        raise CommandFailed(f"{len(broken)} of {len(told)} promises were not kept: {broken[0].chapter}")
