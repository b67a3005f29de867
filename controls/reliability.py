"""Reliability of reporters: how often their reports led to action, and how much many of them weigh together.

A reporter's reliability is the mean of a Beta posterior (Gelman et al., Bayesian Data Analysis, 2.4) between a floor
and a ceiling: nobody is ever worth nothing, and nobody is believed blindly. Many reports of one thing support it as far
as at least one of the most reliable ones is right; beyond those, more reporters add nothing, so that a crowd that is
called together (report-bombing) cannot push a case further than a few people could. Whole numbers in thousandths.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest

PRIOR_ACTED, PRIOR_DISMISSED = 1, 2
"""Of somebody new a third is believed: as if of three reports one had led to action."""

FLOOR, CEILING = 50, 900
COUNTED = 3
"""The most reliable reporters of a thing that count; three new ones then give 704 of 1000."""

FULL = 1000


def reliability(acted: int, dismissed: int) -> int:
    """Thousandths to which a reporter is believed, after so many reports that led to action and that did not."""
    mean = FULL * (PRIOR_ACTED + acted) // (PRIOR_ACTED + PRIOR_DISMISSED + acted + dismissed)
    return min(max(mean, FLOOR), CEILING)


NEW = reliability(0, 0)
"""Somebody of whom nothing is known; all who use the public form together count as one such."""


def support(reliabilities: Iterable[int]) -> int:
    """Thousandths to which reports by *different* persons support a case; 0 for none. It never falls by one more."""
    doubt = FULL**COUNTED
    for one in nlargest(COUNTED, reliabilities):
        doubt = doubt * (FULL - min(max(one, 0), FULL)) // FULL
    return int(FULL - doubt // FULL ** (COUNTED - 1))
