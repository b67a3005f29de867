"""Parameters: what an experiment or a policy may set in ranking. Integers only, so that no order depends on a float."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ranking.errors import InvalidParameters

LONGEST_HISTORY = 1000
LARGEST_VOTE = 1000
"""Bounds that keep every sum of votes within int64, whatever the graph and the verdicts."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Weights, shares and windows of one request. Defaults are the shipped ones.

    Raises :class:`ranking.errors.InvalidParameters` for what is out of range.
    """

    history: int = 50
    """Most recent history entries that are read: they vote for candidates, and hides among them exclude."""

    half_life_days: int = 180
    """Days after which a history entry counts half, by an integer decay table (relative to the newest entry);
    0 for no decay."""

    half_life_items: int = 7
    """Items that a reader chose since, after which a history entry counts half; 0 for no decay."""

    weight_click: int = 2
    """Vote of a click (votes are multiplied by the decay table)."""

    weight_dwell: int = 3
    """Vote of a long dwell."""

    weight_like: int = 4
    """Vote of a like."""

    weight_share: int = 5
    """Vote of a share."""

    weight_more: int = 6
    """Vote of an explicit ``more of this``."""

    weight_less: int = -6
    """Vote of an explicit ``less of this``."""

    weight_hide: int = -4
    """Vote of a hide; the hidden item itself is ineligible for its reader."""

    seen_discount_permille: int = 600
    """What is left of a score, in thousandths, after each earlier impression of the item (compounded)."""

    candidates: int = 200
    """Candidates kept for mixing."""

    author_window: int = 8
    """Window of consecutive items in which ``author_max`` holds."""

    author_max: int = 2
    """At most this many items of one author within ``author_window``; relaxed only rather than run short."""

    topic_window: int = 8
    """Window of consecutive items in which ``topic_max`` holds."""

    topic_max: int = 0
    """At most this many items of one topic within ``topic_window``, except of the topic that a page is about; relaxed
    only rather than run short. 0 for no maximum."""

    calibration: int = 500
    """What an item of the graph gains on a personalized page, in thousandths of its score, when all of its topics are
    short of their share of the reader's recent history; in proportion when some are. 0 for none."""

    fresh_every: int = 10
    """On a personalized page every n-th place goes to a fresh item; 0 for none."""

    popular_every: int = 0
    """On a personalized page every n-th place goes to a popular item; 0 for none."""

    editorial_every: int = 10
    """On a personalized page every n-th place goes to an editorial item while there are any; 0 for none."""

    explore_every: int = 20
    """On a personalized page one of n places, any as likely, goes to an item worth exploring while there are any, each
    as likely as the others; 0 for none."""

    def __post_init__(self) -> None:
        for one in fields(self):
            fault = _fault(one.name, getattr(self, one.name))
            if fault:
                raise InvalidParameters(fault)


_VOTES = (-LARGEST_VOTE, LARGEST_VOTE)
_RANGES = {
    "history": (0, LONGEST_HISTORY),
    "half_life_days": (0, 36_500),
    "half_life_items": (0, LONGEST_HISTORY),
    "seen_discount_permille": (0, 1000),
    "candidates": (0, 10_000),
    "author_window": (1, 100),
    "author_max": (1, 100),
    "topic_window": (1, 100),
    "topic_max": (0, 100),
    "calibration": (0, 4000),
    "fresh_every": (0, 1000),
    "popular_every": (0, 1000),
    "editorial_every": (0, 1000),
    "explore_every": (0, 1000),
}

_NAMES = frozenset(one.name for one in fields(Parameters))


def fault_of(name: str, value: object) -> str:
    """What is wrong with setting a parameter to a value, in words; empty when nothing is."""
    if name not in _NAMES:
        return f"ranking has no parameter {name!r}; there are {', '.join(sorted(_NAMES))}"
    return _fault(name, value)


def _fault(name: str, value: object) -> str:
    low, high = _RANGES.get(name, _VOTES)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        return f"{name} is {value!r}; it must be a whole number from {low} to {high}"
    return ""


DEFAULTS = Parameters()
