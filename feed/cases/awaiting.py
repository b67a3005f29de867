"""Case awaiting: the tie between a case and the proposal that is to end it, whichever of the two a crash left behind.

The proposal is kept first, then the case is put by for it; the decisions are made, then the proposal is approved, then
the case ends. Each step finds out from what is stored what the one before did, and is done by whoever comes by: the
request, the approval, or upkeep.
"""

from __future__ import annotations

from functools import partial

import anyio.to_thread

from controls.case_endings import GONE_ON, ending_id, finished, put_by, reopened
from controls.cases import Case, CaseState, no_longer_ending
from controls.errors import CaseHeld, SameDecider
from feed.bootstrap import Service
from feed.cases.appeals import barred_from
from feed.cases.keeping import unresolved
from feed.cases.outcomes import count, ended
from feed.cases.papers import case_of, found_case, noted
from feed.decisions.pending_papers import ATTEMPT_SECONDS, DECLINED, EXPIRED, paper_of, pending_of
from feed.errors import Gone, NotFound
from feed.one_by_one import left_for_later


async def put_case_by(service: Service, case: str, proposal: str) -> Case:
    """Put a case by until a second person has approved a proposal. Raises ``Gone`` when it went on without it."""
    try:
        return (await noted(service.store, case, partial(put_by, proposal=proposal, now=service.clock.now())))[0]
    except (CaseHeld, NotFound) as refusal:
        raise Gone(f"proposal {proposal}: {GONE_ON}") from refusal


async def may_approve(service: Service, case: str, who: str) -> None:
    """Raise ``SameDecider`` for those who do not decide this case."""
    found, _ = await anyio.to_thread.run_sync(found_case, service.store, case)
    if who in await anyio.to_thread.run_sync(barred_from, service.store, found):
        raise SameDecider("you decided what this case is about, or it is your own; leave it to somebody else")


async def finish_case(service: Service, case: str, decisions: tuple[str, ...]) -> Case:
    """End a case with the decisions that were made for it; again changes nothing but tells once more."""
    before, _ = await anyio.to_thread.run_sync(found_case, service.store, case)
    after, _ = await noted(service.store, case, partial(finished, decisions=decisions, now=service.clock.now()))
    if after.state is not CaseState.RESOLVED:
        return after
    if before.state is not CaseState.RESOLVED:
        count(service, after)
    return await ended(service, after)


async def reopen_case(service: Service, case: str, proposal: str, why: str) -> None:
    """Open a case again whose proposal came to nothing; again changes nothing."""
    change = partial(reopened, proposal=proposal, why=why, now=service.clock.now())
    await noted(service.store, case, change)


async def take_up_again(service: Service) -> None:
    """Bring every case on that waits for a proposal which was decided or came to nothing, or whose ending a crash cut
    off. Raises ``StorageError``."""
    for case in await anyio.to_thread.run_sync(_stuck, service):
        with left_for_later("a case that waits for its end was not brought on", case=case.id):
            await _brought_on(service, case)


async def _brought_on(service: Service, case: Case) -> None:
    proposal = case.proposal if case.state is CaseState.AWAITING else ending_id(case)
    made = await anyio.to_thread.run_sync(service.decisions.bulk, proposal)
    if made:
        await finish_case(service, case.id, tuple(decision.id for decision in made))
    elif case.state is CaseState.AWAITING:
        why = await anyio.to_thread.run_sync(_came_to_nothing, service, proposal)
        if why:
            await reopen_case(service, case.id, proposal, why)
    elif abs(service.clock.now() - case.ending_at) >= ATTEMPT_SECONDS:
        if await anyio.to_thread.run_sync(pending_of(service.store).get, proposal) is None:
            await noted(service.store, case.id, partial(no_longer_ending, request=case.ending))
        else:
            await put_case_by(service, case.id, proposal)


def _stuck(service: Service) -> list[Case]:
    waiting = map(case_of, unresolved(service.store))
    return [case for case in waiting if case.state is CaseState.AWAITING or case.ending]


def _came_to_nothing(service: Service, proposal: str) -> str:
    """Why a proposal will not be decided; empty while it may be. Blocks."""
    entry = pending_of(service.store).get(proposal)
    if entry is None:
        return f"proposal {proposal} was erased with its maker"
    if entry.state not in (DECLINED, EXPIRED):
        return ""
    paper = paper_of(entry)
    return (
        f"proposal {proposal} was declined: {paper.declined}"
        if paper.declined
        else f"proposal {proposal}: {paper.lapsed}"
    )
