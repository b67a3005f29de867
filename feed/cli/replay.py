"""``weir replay``: make a recorded page again and compare it byte for byte (law 3)."""

from __future__ import annotations

from typing import Annotated

import typer

from feed.cli.failures import BadInput, CommandFailed
from feed.cli.speaking import Home, Json, print_json, progress_bar, settings_for


def replay(
    request_id: Annotated[str, typer.Argument(help="A page's request_id; leave it out with --newest.")] = "",
    newest: Annotated[int, typer.Option(min=0, help="Replay the newest so many pages in place of one.")] = 0,
    home: Home = None,
    json: Json = False,
) -> None:
    """Rebuild the state a page was made in and make its items again. Exit code 1 unless they are identical."""
    from feed.models.library import Graphs, PolicyDocuments
    from feed.pages.replay import Replayer
    from feed.stores import open_store

    if bool(request_id) == bool(newest):
        raise BadInput("name one request_id, or --newest with a number")
    settings = settings_for(home)
    store = open_store(settings, exclusive=False)
    try:
        one = store.servings.get(request_id) if request_id else None
        if request_id and one is None:
            raise BadInput(
                f"no page {request_id} is recorded; pages are kept for {settings.servings_days} days, "
                "and one that did not fit the queue is not recorded"
            )
        wanted = [one] if one is not None else store.servings.newest(newest)
        replayer = Replayer(store, PolicyDocuments(store.policies), Graphs(store.models, settings.models_folder))
        told = []
        with progress_bar() as bar:
            for number, made in enumerate(replayer.replay(wanted), start=1):
                bar.share(number / len(wanted), "replaying")
                told.append(made)
    finally:
        store.close()
    different = [made for made in told if not made.identical and not made.erased]
    erased = sum(made.erased for made in told)
    if json:
        print_json(
            {
                "replayed": len(told),
                "identical": len(told) - len(different) - erased,
                "erased": erased,
                "different": [made.serving.request_id for made in different],
            }
        )
    else:
        for made in told:
            serving = made.serving
            state = f"revision {serving.revision}, edition {serving.edition}, as of {serving.as_of}"
            outcome = "erased" if made.erased else "identical" if made.identical else "DIFFERENT"
            typer.echo(f"{serving.request_id}  {outcome}  {len(made.reproduced)} bytes  {state}")
    if different:
        raise CommandFailed(f"{len(different)} of {len(told)} pages came out different; keep the store for analysis")
    if request_id and erased:
        raise CommandFailed(f"{request_id}: its reader was erased, so there is nothing left to make it from")
