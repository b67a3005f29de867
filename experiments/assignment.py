"""Assignment: which arm of an experiment a reader is in (laws 3, 7 and 8).

A function of the reader's id and the experiment's alone: every replica says the same, a reader stays in their arm, and
nothing is stored. Experiments draw independently of each other, because each has its own id. Which pages an arm reaches
is the caller's to say: those that are not personalized, none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

from controls.experiments import WHOLE, Arm, Experiment
from controls.scopes import Audience, SurfaceKind
from ranking.errors import InvalidParameters
from ranking.parameters import Parameters
from ranking.snapshot import Snapshot

_REMEMBERED = 4096
"""Combinations of arms of which the parameters are kept."""


def bucket_of(experiment: str, reader: str) -> int:
    """The reader's place in an experiment, 0 to 999, each as likely: the first 8 bytes of BLAKE2b (RFC 7693, 64-bit
    digest) over the experiment's id, a line feed and the reader's id in UTF-8, as a big-endian fraction of 2^64, in
    thousandths rounded down."""
    digest = blake2b(f"{experiment}\n{reader}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * WHOLE >> 64


def arm_of(experiment: Experiment, reader: str) -> Arm | None:
    """The arm that a reader is in, or None: arms take places from 0 on, in their order, as many as they share."""
    place = bucket_of(experiment.id, reader)
    for arm in experiment.arms:
        place -= arm.share
        if place < 0:
            return arm
    return None


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a page is made with: the arm by the experiment's name, and the parameters that they come to."""

    arms: Mapping[str, str]
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class _Present:
    """Experiments and usual parameters for which combinations of arms were worked out, by the arms' identity."""

    experiments: tuple[Experiment, ...]
    usual: Parameters
    settable: tuple[Experiment, ...]
    assigned: dict[tuple[int, ...], Assigned]


class Assigner:
    """Assigns readers under the experiments of Snapshots. The same arms give the same object, from Snapshot to
    Snapshot, while the experiments stay the same: what ranking works out for parameters is then worked out once."""

    def __init__(self) -> None:
        self._present = _Present((), Parameters(), (), {})

    def assigned(self, snapshot: Snapshot, reader: str, surface: SurfaceKind, audience: Audience) -> Assigned:
        """The arms of a reader whose personalized page stands on a surface, and its parameters."""
        present = self._present
        experiments, usual = snapshot.governance.experiments, snapshot.parameters
        if present.experiments is not experiments or present.usual is not usual:
            settable = tuple(experiment for experiment in experiments if _settable(experiment, usual))
            present = self._present = _Present(experiments, usual, settable, {(): Assigned({}, usual)})
        found = []
        for experiment in present.settable:
            if experiment.scope.covers(surface, audience, restricting=False):
                arm = arm_of(experiment, reader)
                if arm is not None:
                    found.append((experiment.name, arm))
        key = tuple([id(arm) for _, arm in found])
        assigned = present.assigned.get(key)
        if assigned is None:
            if len(present.assigned) >= _REMEMBERED:
                present.assigned.clear()
            settings = {name: value for _, arm in found for name, value in arm.sets}
            parameters = replace(usual, **settings) if settings else usual
            assigned = present.assigned[key] = Assigned({name: arm.name for name, arm in found}, parameters)
        return assigned


def _settable(experiment: Experiment, usual: Parameters) -> bool:
    """Whether this release can be set to all arms; one that was started under another may name what is gone."""
    try:
        for arm in experiment.arms:
            replace(usual, **dict(arm.sets))
    except (InvalidParameters, TypeError):
        return False
    return True
