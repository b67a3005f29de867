"""Parameters: what an experiment or a policy may set in ranking. Integers only, so that no order depends on a float."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameters:
    """Weights, shares and windows of one request. Defaults are the shipped ones."""

    history: int = 50
    """Most recent history entries that vote for candidates."""

    half_life_days: int = 180
    """Days after which a history entry counts half, by an integer decay table (relative to the newest entry)."""

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

    fresh_every: int = 10
    """On a personalized page every n-th place goes to a fresh item; 0 for none."""

    popular_every: int = 0
    """On a personalized page every n-th place goes to a popular item; 0 for none."""

    editorial_every: int = 10
    """On a personalized page every n-th place goes to an editorial item while there are any; 0 for none."""


DEFAULTS = Parameters()
