"""Where a process is on the bus: its name, how far it has heard, and the revision that it obeys."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

from feed.storage.errors import SharingFailed
from feed.storage.redis.nodes import Answer

GAP, LEFT = "gap", "left"
"""Topics that are not for the process: a sender could not send something; a sender leaves."""


@dataclass(slots=True)
class Place:
    """What listening and sending have in common. ``name`` is empty before the process has joined."""

    prefix: str
    deployment: str
    sender: str = field(default_factory=lambda: uuid4().hex)
    name: str = ""
    position: int = 0
    revision: int = 0

    @property
    def keys(self) -> list[str]:
        """Owner, head, stream and marks, all in one slot of a Cluster."""
        return [f"{{{self.prefix}}}:{what}" for what in ("owner", "head", "bus", "marks")]

    @property
    def mark(self) -> list[str | bytes | int]:
        """The first arguments of the scripts: whose prefix it should be, and one's mark once something was heard."""
        return [self.deployment, self.name if self.position else "", self.position, self.revision]

    def read(self, answer: Answer) -> tuple[int, str]:
        """Head and run from an answer of LOOK or PUSH. Raises ``SharingFailed`` when the prefix is another's."""
        if len(answer) == 1:
            raise SharingFailed(foreign(self.prefix, answer[0].decode()))
        _, head, run = answer
        return int(head), run.decode()


def foreign(prefix: str, owner: str) -> str:
    """What to say of a prefix that another deployment uses."""
    return (
        f"the prefix {prefix!r} in Redis belongs to the deployment {owner}; give this one another by "
        f"WEIR_REDIS_PREFIX, or, if that deployment is no more, delete the key {{{prefix}}}:owner"
    )
