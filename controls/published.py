"""Published policies: the platform's, and beside it those of communities, each for the community's own rows (law 6).

The newest publication in force counts, for the platform and for each community by itself; when it is undone, the one
before it counts again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from controls.acts import Restricted, restricted_by
from controls.causes import Classes, Handles
from controls.communities import confined
from controls.compile import CompiledPolicy, session_shares
from controls.decisions import Decision, DecisionType, Subject, SubjectKind
from controls.errors import StateError
from controls.policy import Policy, Tiers, canonical, load
from controls.rows import NEVER
from controls.signals import Columns, Rows
from controls.verdicts import OPEN_SHARES, Shares

_COMMUNITY = SubjectKind.COMMUNITY.value

PARSED = 8
"""Policies not in force that are kept ready; those before lie packed, in about a hundredth of the memory."""


class StoredPolicies:
    """Policies by content hash, as many as were published: the one before may count again at any time, and the fold
    does not read then (law 4)."""

    def __init__(self) -> None:
        self._parsed: dict[str, Policy] = {}
        self._packed: dict[str, bytes] = {}

    def __setitem__(self, digest: str, policy: Policy) -> None:
        self._parsed[digest] = policy

    def __getitem__(self, digest: str) -> Policy:
        policy = self._parsed.get(digest)
        if policy is None:
            policy = self._parsed[digest] = load(zlib.decompress(self._packed[digest]))
        return policy

    def pack(self, in_force: Collection[str]) -> None:
        """Pack what is not in force, but for the newest."""
        if len(self._parsed) <= PARSED + len(in_force):
            return
        for digest in [digest for digest in self._parsed if digest not in in_force][:-PARSED]:
            policy = self._parsed.pop(digest)
            if digest not in self._packed:
                self._packed[digest] = zlib.compress(canonical(policy))


class Published:
    """The policies that a replica enforces. ``policies`` gives one by content hash, stored before it was published.
    ``instead``: the platform's from the first second on, whatever was published; empty for none."""

    def __init__(self, policies: Callable[[str], Policy], classes: Classes, instead: str | None = None) -> None:
        self._policies = policies
        self._classes = classes
        self._instead = instead
        self._stored = StoredPolicies()
        if instead:
            self._stored[instead] = policies(instead)
        self.communities: Mapping[str, str] = MappingProxyType({})
        """Content hash of the policy of each community that published one; never changed once handed out."""
        self._compiled: CompiledPolicy | None = None
        self._of_communities: dict[str, CompiledPolicy] = {}
        self.policy = ""
        """Content hash of the platform's policy in force, or empty."""
        self.shares: Shares = OPEN_SHARES
        self.restricted = Restricted()

    def fetch(self, decision: Decision) -> None:
        """Have at hand what a decision publishes; raises :class:`StateError` when it is not stored."""
        digest = str(decision.parameters["policy"])
        try:
            self._stored[digest] = self._policies(digest)
        except KeyError as error:
            raise StateError(
                f"revision {decision.revision} publishes policy {digest}, which is not stored; "
                "restore the document, then fold on"
            ) from error

    def enforce(self, in_force: Iterable[Decision], columns: Columns | None) -> Rows | None:
        """Compile what is in force now; int32[n], ascending: the rows that it may judge otherwise than before, or None
        for all of them."""
        newest: dict[Subject, Decision] = {}
        for decision in in_force:
            if decision.type is DecisionType.PUBLISH_POLICY:
                held = newest.get(decision.subject)
                if held is None or held.revision < decision.revision:
                    newest[decision.subject] = decision
        digests = {subject: str(decision.parameters["policy"]) for subject, decision in newest.items()}
        platform = next((digest for subject, digest in digests.items() if subject.kind is SubjectKind.PLATFORM), "")
        platform = platform if self._instead is None else self._instead
        communities = {s.id: digest for s, digest in digests.items() if s.kind is SubjectKind.COMMUNITY}
        self._stored.pack({self.policy, platform, *self.communities.values(), *communities.values()})
        if platform != self.policy:
            self.policy, self.communities, self._of_communities = platform, MappingProxyType({}), {}
            policy = self._stored[platform] if platform else None
            self._compiled = CompiledPolicy(policy, self._classes) if policy is not None else None
            self.shares = session_shares(policy) if policy is not None else OPEN_SHARES
            self.restricted = restricted_by(policy)
            self._take(communities)
            return None
        changed = self._take(communities)
        rows = [columns.rows_of(_COMMUNITY, community) for community in changed] if columns is not None else []
        return np.unique(np.concatenate(rows)).astype(np.int32) if rows else np.empty(0, dtype=np.int32)

    def renew(self, classes: Classes, again: Callable[[int], int]) -> None:
        """Go over to other intern tables, in which ``again`` gives causes their ids."""
        self._classes = classes
        for compiled in (self._compiled, *self._of_communities.values()):
            if compiled is not None:
                compiled.renew(classes, again)

    def _take(self, communities: dict[str, str]) -> set[str]:
        """Compile the policies of communities (content hash by id) that are new, drop those that are gone; returns
        whose policies changed. What a tier means is the platform's to say."""
        known = self.communities
        changed = {name for name in known.keys() | communities.keys() if known.get(name) != communities.get(name)}
        tiers = self._stored[self.policy].tiers if self.policy else Tiers()
        for community in changed:
            self._of_communities.pop(community, None)
            if community in communities:
                policy = confined(self._stored[communities[community]], community, tiers)
                self._of_communities[community] = CompiledPolicy(policy, self._classes)
        if changed:
            self.communities = MappingProxyType(communities)
        return changed

    def apply(self, columns: Columns, rows: Rows, as_of: int, handles: Handles) -> tuple[Handles, NDArray[np.int64]]:
        """As :meth:`CompiledPolicy.apply`, of all policies in force."""
        due = np.full(rows.size, NEVER, dtype=np.int64)
        if self._compiled is not None:
            handles, due = self._compiled.apply(columns, rows, as_of, handles)
        for community, compiled in self._of_communities.items():
            mine = np.flatnonzero(columns.member(_COMMUNITY, frozenset((community,)), rows))
            if mine.size:
                handles, due = handles.copy(), due.copy()
                handles[mine], turns = compiled.apply(columns, rows[mine], as_of, handles[mine])
                due[mine] = np.minimum(due[mine], turns)
        return handles, due

    def apply_to(self, columns: Columns, row: int, as_of: int, handle: int) -> tuple[int, int]:
        """The same for one row."""
        due = NEVER
        if self._compiled is not None:
            handle, due = self._compiled.apply_to(columns, row, as_of, handle)
        if self._of_communities:
            for community in columns.words_at(_COMMUNITY, row):
                compiled = self._of_communities.get(community)
                if compiled is not None:
                    handle, turn = compiled.apply_to(columns, row, as_of, handle)
                    due = min(due, turn)
        return handle, due
