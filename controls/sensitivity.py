"""Sensitivity: what each choice of a reader means for items that a rule calls sensitive (law 6: strictest wins).

Which items are sensitive, what is shown with them and what holds for those who did not choose is the policy's to say; a
choice can only be one of three words.
"""

from __future__ import annotations

from dataclasses import dataclass

from controls.scopes import AgeClass, Audience, Sensitive

_BY_STRICTNESS = (Sensitive.HIDE, Sensitive.WARN, Sensitive.SHOW)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A rule's word on what it matches. ``notice`` is shown with the item to those who are warned; ``unchosen`` is what
    holds for readers who did not choose, ``minors`` the mildest that an audience not known to be adult can have."""

    notice: str
    unchosen: Sensitive
    minors: Sensitive

    def choice(self, audience: Audience) -> Sensitive:
        """What becomes of the item for an audience: ``HIDE``, ``WARN`` or ``SHOW``."""
        chosen = self.unchosen if audience.sensitive is Sensitive.UNCHOSEN else audience.sensitive
        if audience.age is AgeClass.ADULT:
            return chosen
        return min(chosen, self.minors, key=_BY_STRICTNESS.index)
