"""An office that decides: the DecisionService over a ledger in a list, and a state that follows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from controls.authority import Principal
from controls.decisions import Basis, Decision, DecisionType
from controls.proposals import ON_AUTHORS, ON_POWERS, PLATFORM_ACTS, UNDOING, Proposal
from controls.service import DecisionService
from tests.unit.controls.building import Sandbox, policy, rule, subject
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

NOW = 1_800_000_000
LATER = NOW + 3_600
ITEMS = (PlainItem("a", author="x", topics=("t",)), PlainItem("b", author="y", topics=("t",)))
ADMIN = Principal("root", frozenset({"admin"}), "admin")
EDITOR = Principal("ed", frozenset({"editor"}), "editor")
MODERATOR = Principal("mo", frozenset({"moderator"}), "moderator")


class ListLedger:
    """The ledger as a list, with idempotency by key; ``meanwhile`` is decided by others before the next append that
    depends on what is there."""

    def __init__(self) -> None:
        self.meanwhile: list[Decision] = []
        self.decisions: list[Decision] = []
        self.once: dict[object, Decision] = {}

    def append(self, decision: Decision, once: Any = None) -> Future[Decision]:
        future: Future[Decision] = Future()
        if once is None or once not in self.once:
            numbered = replace(decision, revision=len(self.decisions) + 1)
            self.decisions.append(numbered)
            self.once[once if once is not None else numbered.id] = numbered
            once = once if once is not None else numbered.id
        future.set_result(self.once[once])
        return future

    def since(self, revision: int) -> list[Decision]:
        return self.decisions[revision:]

    def head(self) -> int:
        return len(self.decisions)

    def append_unless(
        self, matters: Callable[[Decision], bool], after: int, decision: Decision, once: Any = None
    ) -> Future[Decision | None]:
        meanwhile, self.meanwhile = self.meanwhile, []
        for other in meanwhile:
            self.append(other)
        future: Future[Decision | None] = Future()
        known = once is not None and once in self.once
        overtaken = not known and any(matters(other) for other in self.decisions[after:])
        future.set_result(None if overtaken else self.append(decision, once).result())
        return future

    def append_all_unless(
        self, matters: Callable[[Decision], bool], after: int, decisions: Sequence[Decision], once: Any = None
    ) -> Future[range | None]:
        future: Future[range | None] = Future()
        meanwhile, self.meanwhile = self.meanwhile, []
        for other in meanwhile:
            self.append(other)
        if any(matters(other) for other in self.decisions[after:]):
            future.set_result(None)
            return future
        first = self.append(decisions[0], once).result().revision
        for other in decisions[1:]:
            self.append(other)
        future.set_result(range(first, first + len(decisions)))
        return future

    def decided_under(self, once: Any) -> Decision | None:
        return self.once.get(once)

    def listing(self, *, before: int | None, limit: int, subject: str | None = None) -> list[Decision]:
        older = self.decisions[: None if before is None else before - 1]
        return [made for made in reversed(older) if subject in (None, made.subject.id)][:limit]

    def by_id(self, decision: str) -> Decision | None:
        return next((made for made in self.decisions if made.id == decision), None)

    def reversal_of(self, decision: str) -> Decision | None:
        return next((made for made in self.decisions if made.reverses == decision), None)


class Office:
    """A DecisionService over a ledger and a sandbox that follows it."""

    def __init__(self, *items: PlainItem, approvals: bool = False) -> None:
        self.ledger = ListLedger()
        self.policies = {
            "good": policy(rule({"signal": "topic", "in": ["t"]}, tier="blocked", missing="hold")),
            "ungrounded": policy(rule({"signal": "topic", "in": ["t"]}, basis=None)),
        }
        self.sandbox = Sandbox(*(items or ITEMS), **self.policies)
        self.sandbox.state.advance(NOW)
        self.columns = PlainColumns(items or ITEMS)
        self.service = DecisionService(
            self.ledger,
            governance=self.sandbox.state.governance,
            columns=lambda: self.columns,
            policy_known=self.policies.__contains__,
            model_known=lambda version: version == "v1",
            new_id=lambda: f"d{len(self.ledger.decisions) + 1}",
            policies=self.policies.__getitem__,
            settable=lambda name, value: "" if value in range(10) else f"{name} is {value!r}; it must be a digit",
            approvals=approvals,
        )

    def decide(self, proposal: Proposal, who: Principal = ADMIN, **fields: Any) -> Decision:
        """Decide at NOW; what was new in the ledger is folded too."""
        before = len(self.ledger.decisions)
        made = self.service.decide(proposal, who, NOW, **fields).result(0)
        self.sandbox.decide(*self.ledger.decisions[before:])
        return made


def experiment(name: str = "weights", *sets: Mapping[str, object], **fields: object) -> dict[str, object]:
    """Parameters of a start: two arms of half the readers, or one for each of what they set."""
    chosen = sets or ({}, {"weight_click": 3})
    letters = "abcdefghij"
    arms = [{"name": letters[n], "share": 1000 // len(chosen), "sets": dict(one)} for n, one in enumerate(chosen)]
    return {"name": name, "arms": arms, "outcome": "click", **fields}


def propose(kind: str, about: str | None = "item:a", **fields: Any) -> Proposal:
    """A proposal with everything that its type needs."""
    act = DecisionType(kind)
    parameters: dict[str, Mapping[str, object]] = {
        "pin": {"position": 2},
        "boost": {"factor": 1.5},
        "publish_policy": {"policy": "good"},
        "activate_model": {"model": "v1"},
        "label": {"name": "rumour", "score": 0.9},
        "correct": {"notice": "corrected", "text": "It was the other way round."},
        "restrict_author": {"service": "pre_review"},
        "strike": {"points": 10},
        "verify_identity": {"identity": "verified"},
        "grant": {"person": "cleo", "power": "manager"},
        "revoke": {"person": "cleo", "power": "manager"},
        "start_experiment": experiment(),
        "stop_experiment": {"experiment": "d1"},
    }
    if about == "item:a":
        about = dict.fromkeys(ON_AUTHORS, "author:x").get(act, about)
        about = dict.fromkeys(ON_POWERS, "community:c").get(act, about)
    made = Proposal(
        type=act,
        subject=subject(about) if about else None,
        reason="because",
        basis=Basis("terms", "4.2"),
        expires_at=LATER,
        parameters=parameters.get(kind, {}),
    )
    if act in PLATFORM_ACTS and about == "item:a":
        made = replace(made, subject=None)
    if act in UNDOING:
        made = replace(made, expires_at=None)
    if kind == "verify_identity":
        made = replace(made, evidence=("seen by the desk in Bonn",))
    if kind == "reverse":
        made = replace(made, subject=None)
    return replace(made, **fields)
