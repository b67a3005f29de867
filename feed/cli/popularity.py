"""``weir popularity``: what attackers with accounts to spare achieve on the popular lists, and what the guard costs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.speaking import Home, Json, print_json, print_table, progress_bar, settings_for

if TYPE_CHECKING:
    from experiments.bought import Heard
    from feed.settings import Settings

_DEFAULT_ACCOUNTS = [10, 50, 200]


def popularity(
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Measure on a simulated community in place of the store's readers.")
    ] = False,
    accounts: Annotated[
        list[int] | None, typer.Option(min=1, max=10_000, help="Accounts of an attacker; may be repeated.")
    ] = None,
    targets: Annotated[int, typer.Option(min=1, max=1000, help="Items that are attacked, each by itself.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of targets, accounts and the simulated community.")] = 7,
    home: Home = None,
    json: Json = False,
) -> None:
    """Attack the popular list, on paper: nothing is stored. Every way of attacking, without and with damping.

    Places are medians over items drawn from the lower half of the undamped list. Then the share of honest readers'
    newest voices that a list of 20 made of the older ones hits, both ways.
    """
    from experiments.bought import LIST, Attack, measure, quality
    from experiments.bought import simulated as community

    heard = community(seed) if simulated else _of_store(settings_for(home))
    with progress_bar() as bar:
        outcomes = measure(
            heard, list(Attack), accounts or _DEFAULT_ACCOUNTS, targets=targets, seed=seed, progress=bar.share
        )
    judged = quality(heard)
    if json:
        print_json({"outcomes": [asdict(outcome) for outcome in outcomes], "quality": asdict(judged)})
        return
    print_table(
        f"Place reached on the popular list ({len(heard.times):,} voices of {len(heard.since):,} readers)",
        ("attack", "accounts", "undamped", "places gained", "damped", "places gained"),
        [
            (
                outcome.attack.value,
                str(outcome.accounts),
                *(f"{value:,.0f}" for value in (outcome.undamped_place, outcome.undamped_gain)),
                *(f"{value:,.0f}" for value in (outcome.damped_place, outcome.damped_gain)),
            )
            for outcome in outcomes
        ],
    )
    typer.echo(
        f"Hits among {LIST} for {judged.readers:,} honest readers: {judged.undamped:.4f} undamped, "
        f"{judged.damped:.4f} damped"
    )


def _of_store(settings: Settings) -> Heard:
    import numpy as np

    from experiments.bought import Heard
    from feed.cli.stores import reading
    from feed.control.popular_lists import NEWEST, PopularLists
    from ranking.newcomers import VOICES

    with reading(settings) as (store, _):
        columns = store.events.columns(newest=NEWEST)
        since = PopularLists(store).since(columns)
    voiced = np.isin(columns.kinds, VOICES)
    return Heard(
        columns.readers[voiced],
        columns.items[voiced],
        columns.times[voiced],
        columns.received[voiced],
        since,
        len(columns.item_ids),
    )
