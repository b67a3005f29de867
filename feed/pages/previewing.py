"""Previewing: recorded Servings made again under a draft and under the policy in force, and compared (laws 2, 3 and 8).

Nothing is written. Each page is made twice from its recorded inputs at the state it was served in, so that policies
alone differ. Servings whose reader was erased, or whose model is gone, are counted and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from controls.policy import Policy
from experiments.preview import Preview, Report, Shift
from feed.pages.listing import items_json
from feed.pages.recording import digest
from feed.pages.replay import lies_before, made_again, made_from
from feed.schemas.policies import PreviewOut, ShiftOut
from feed.storage.ports.store import Store
from feed.storage.records import ServingRecord
from ranking.errors import RankingError
from ranking.fold import Fold
from ranking.graph import ItemGraph

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a draft would change. ``faithful`` pages come out under the policy in force as they were served, byte for
    byte; others were served under another policy. ``since`` and ``until``: seconds of the first and last Serving."""

    report: Report
    asked: int
    erased: int
    lost: int
    faithful: int
    since: int
    until: int


def preview(
    store: Store,
    policies: Callable[[str], Policy],
    graphs: Callable[[str], ItemGraph],
    servings: Sequence[ServingRecord],
    draft: str,
    in_force: str,
    progress: Progress = lambda share, message: None,
    most: int = 20,
) -> Previewed:
    """Compare a draft with the policy in force (content hashes; empty for none) on recorded Servings.

    Folds ledger and journal from the beginning, once; then each Serving costs two pages. Blocks.
    """
    counted = Preview()
    erased = lost = faithful = 0
    progress(0.0, "reading ledger and journal")

    def begun() -> Fold:
        return Fold(policies, graphs, instead=in_force, beside=(draft,))

    fold = begun()
    ordered = sorted(servings, key=lambda one: (one.revision, one.edition, one.as_of))
    for number, serving in enumerate(ordered, start=1):
        if serving.erased:
            erased += 1
            continue
        if lies_before(serving, fold):
            fold = begun()
        try:
            before, snapshot, inputs = made_again(fold, store, graphs, serving)
            (then,) = fold.beside()
            after, _, _ = made_from(fold, then, graphs, serving)
        except (RankingError, OSError):
            lost += 1
            continue
        faithful += serving.items == digest(items_json(before, snapshot, inputs.request))
        counted.add(before, after)
        progress(number / len(ordered), "making pages again")
    times = [serving.served_at for serving in ordered] or [0]
    report = counted.report(fold.snapshot().catalogue, most)
    return Previewed(report, len(ordered), erased, lost, faithful, min(times), max(times))


def shown(previewed: Previewed, draft: str, against: str) -> PreviewOut:
    """A preview as the wire and the command line show it."""
    report = previewed.report
    return PreviewOut(
        draft=draft,
        against=against,
        asked=previewed.asked,
        erased=previewed.erased,
        lost=previewed.lost,
        compared=report.pages,
        faithful=previewed.faithful,
        since=previewed.since,
        until=previewed.until,
        changed=report.changed,
        changed_share=report.share.as_json() if report.share is not None else None,
        places={"before": report.places_before, "after": report.places_after},
        tiers={tier: {"before": before, "after": after} for tier, (before, after) in report.tiers.items()},
        moved=dict(report.moved),
        gained=_shifts(report.gained),
        lost_places=_shifts(report.lost),
    )


def _shifts(found: Mapping[str, Sequence[Shift]]) -> dict[str, list[ShiftOut]]:
    return {kind: [ShiftOut(s.id, s.before, s.after, s.change) for s in shifts] for kind, shifts in found.items()}
