"""Releases that serve one store together: only those that fold alike (law 2)."""

from __future__ import annotations

from feed.errors import SetupInvalid
from feed.storage.ports.deployment import Replicas


def releases_beside(replicas: Replicas, lease_seconds: float, mine: str) -> list[str]:
    """The other releases of which processes serve. Raises ``SetupInvalid`` where one differs in more than its last
    number (https://semver.org)."""
    others = sorted({record.release for record in replicas.living(lease_seconds)} - {mine})
    foreign = [other for other in others if _series(other) != _series(mine)]
    if foreign:
        raise SetupInvalid(
            f"processes of release {', '.join(foreign)} serve this store, and this one is of {mine}: they may fold and "
            "store otherwise, so only releases that differ in their last number serve together; end those first "
            f"({lease_seconds:.0f} s later this one may start), or install the same release"
        )
    return others


def _series(release: str) -> list[str]:
    return release.split(".")[:-1]
