"""``weir serve``: the service over HTTP, on the store of a home folder."""

from __future__ import annotations

from typing import Annotated

import typer

from feed.cli.speaking import Home, remark, settings_for


def serve(
    home: Home = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; WEIR_HOST or 127.0.0.1 by default.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. WEIR_PORT or 8080 by default.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Processes that serve; WEIR_WORKERS or 1 by default. More need a database."),
    ] = None,
) -> None:
    """Serve until stopped (Ctrl-C or SIGTERM): finishes what was begun, writes what is queued, gives the store up."""
    from feed.processes.serving import run

    run(
        settings_for(home, host=host, port=port, workers=workers),
        lambda url: remark(f"weir serves at {url} (its handbook: {url}/docs)"),
    )
