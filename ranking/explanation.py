"""Explanation: why a row stands or does not stand on a page (laws 5, 7 and 9).

The score of a graph candidate is a sum over history items, so each of them is told with its own term, exactly. An item
that may not be shown to the audience is never named as a reason.
"""

from __future__ import annotations

from typing import Any

from controls.tiers import Tier
from controls.verdicts import WEIGHT_ONE, Source
from ranking.arguments import SIMILAR, Recipe, recipe_of, scene_of
from ranking.decay import DECAY_ONE, SECONDS_A_DAY, faded
from ranking.kernel import LONGEST_DISCOUNT
from ranking.parameters import DEFAULTS, Parameters
from ranking.reader import CONSUMED, NEW_READER, Reader, Request, Settings
from ranking.snapshot import Snapshot

_TIERS = tuple(tier.word for tier in Tier)
_faded: Any = getattr(faded, "py_func")  # noqa: B009


def why(
    snapshot: Snapshot, reader: Reader, request: Request, row: int, parameters: Parameters = DEFAULTS
) -> dict[str, Any]:
    """What speaks for and against a row on this page, exactly, whether or not it stands there.

    ``contributions`` has one term for each history item (on related pages: the seed) that the graph connects with the
    row, largest first; they sum to ``gathered``, and ``score`` is that after verdict weight, interests and Seen, as in
    ``Page.scores``. The item of a term is None where it may not be named to this audience. A page that is not
    personalized has no terms and tells nothing of Seen.
    """
    recipe = recipe_of(snapshot, reader.settings, request)
    table = snapshot.governance.table(request.audience, request.surface.kind)
    class_of, catalogue = snapshot.governance.class_of, snapshot.catalogue
    cls = int(class_of[row])
    if recipe is SIMILAR:
        seed = catalogue.row_of(request.surface.key)
        votes = {seed: DECAY_ONE} if seed >= 0 else {}
    else:
        votes = _votes(snapshot, reader, recipe, parameters, request) if recipe.personal else {}
    weights = {voter: _weight(snapshot, voter, row) for voter in votes}
    terms = {voter: vote * weights[voter] for voter, vote in votes.items() if weights[voter]}
    contributions = [
        {
            "item": catalogue.ids[voter] if table.eligible[class_of[voter]] else None,
            "vote": votes[voter],
            "weight": weights[voter],
            "term": term,
        }
        for voter, term in sorted(terms.items(), key=lambda one: -one[1])
    ]
    gathered = sum(terms.values())
    seen = dict(reader.seen.tolist()) if recipe.personal else {}
    impressions = int(seen.get(row, 0))
    interests = reader.settings if recipe.personal else NEW_READER.settings
    return {
        "id": catalogue.ids[row],
        "eligible": bool(table.eligible[cls]),
        "tier": _TIERS[table.tier[cls]],
        "weight": int(table.weight[cls]) / WEIGHT_ONE,
        "sources": [source.name.lower() for source in Source if int(table.sources[cls]) >> source & 1],
        "notices": table.effects[cls].notices,
        "disabled": table.effects[cls].disabled,
        "causes": [
            {"kind": cause.kind, "id": cause.id, "words": cause.words}
            for cause in snapshot.governance.acting(cls, request.audience, request.surface.kind)
        ],
        "consumed": impressions <= CONSUMED,
        "impressions": max(impressions, 0),
        "gathered": gathered,
        "score": _weighed(gathered, int(table.weight[cls]), row, impressions, snapshot, interests, parameters),
        "contributions": contributions,
    }


def _votes(
    snapshot: Snapshot, reader: Reader, recipe: Recipe, parameters: Parameters, request: Request
) -> dict[int, int]:
    """Votes of recent history by row, as the kernel polls them: most recent first, zero votes left out."""
    recent = reader.history[max(len(reader.history) - parameters.history, 0) :].tolist()
    by_kind = scene_of(snapshot, recipe, parameters, request).votes
    removed = set(reader.settings.less_topics)
    newest = max((second for _, second, _ in recent), default=0)
    half_life = parameters.half_life_days * SECONDS_A_DAY
    votes: dict[int, int] = {}
    places: dict[int, int] = {}
    for row, second, kind in reversed(recent):
        known = 0 <= row < snapshot.catalogue.rows and 0 <= kind < len(by_kind)
        if known and by_kind[kind] and not removed.intersection(snapshot.catalogue.topic_names(row)):
            since = places.setdefault(row, len(places))
            vote = int(by_kind[kind]) * int(_faded(newest - second, half_life, since, parameters.half_life_items))
            votes[row] = votes.get(row, 0) + vote
    return votes


def _weight(snapshot: Snapshot, voter: int, row: int) -> int:
    """The weight from one row to another, of the graph and its growth; 0 if neither connects them."""
    grown = snapshot.growth.weight(voter, row)
    if voter >= snapshot.graph.rows:
        return grown
    return grown + int(snapshot.graph.weights[voter][snapshot.graph.neighbours[voter] == row].sum())


def _weighed(
    score: int,
    weight: int,
    row: int,
    impressions: int,
    snapshot: Snapshot,
    interests: Settings,
    parameters: Parameters,
) -> int:
    """A gathered score after verdict weight, interests and Seen, as the kernel weighs it; 0 when nothing is left."""
    if score <= 0 or impressions <= CONSUMED:
        return 0
    score = score * weight // WEIGHT_ONE
    topics = set(snapshot.catalogue.topic_names(row))
    if topics.intersection(interests.more_topics):
        score += score // 2
    if topics.intersection(interests.less_topics):
        score //= 2
    if parameters.seen_discount_permille < 1000:
        for _ in range(min(impressions, LONGEST_DISCOUNT)):
            score = score * parameters.seen_discount_permille // 1000
    return score
