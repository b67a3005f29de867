"""``weir policy preview|publish|rollback``: what a policy would change on past pages, and putting one in force by a
decision, through the API of the server that owns the store, or as its owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from feed.cli.failures import BadInput
from feed.cli.policy_files import ACTIVE, read_policy, stored_policy, text_of
from feed.cli.speaking import Home, Json, print_json, print_table, progress_bar, remark, settings_for

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the ledger keeps it.")]


def preview(
    policy: Annotated[str, typer.Argument(help="A policy file, or a version of the store.")],
    servings: Annotated[int, typer.Option(min=1, max=100_000, help="Try the newest so many recorded pages.")] = 200,
    against: Annotated[
        str, typer.Option(metavar="POLICY", help="Compare with this file or version; `none` for no policy at all.")
    ] = ACTIVE,
    most: Annotated[int, typer.Option(min=1, max=1000, help="Tell so many of each kind that gain or lose.")] = 10,
    home: Home = None,
    json: Json = False,
) -> None:
    """Make served pages again under a policy and tell which items, authors and topics gain or lose how many places,
    and how many pages change. Reads the store, also beside a server; changes nothing."""
    from controls.policy import Policy, content_hash
    from feed.cli.stores import reading
    from feed.models.library import Graphs, PolicyDocuments
    from feed.pages.previewing import preview as made
    from feed.pages.previewing import shown

    settings = settings_for(home)
    with progress_bar() as bar, reading(settings) as (store, snapshot):
        draft = stored_policy(policy, store, snapshot)
        given = {content_hash(draft): draft}
        base = ""
        if against not in (ACTIVE, "none"):
            other = stored_policy(against, store, snapshot)
            base = content_hash(other)
            given[base] = other
        elif against == ACTIVE:
            base = snapshot.governance.policy
        documents = PolicyDocuments(store.policies)

        def policies(digest: str) -> Policy:
            return given[digest] if digest in given else documents(digest)

        newest = store.servings.newest(servings)
        graphs = Graphs(store.models, settings.models_folder)
        version = content_hash(draft)
        told = shown(made(store, policies, graphs, newest, version, base, bar.share, most), version, base)
    if json:
        print_json(asdict(told))
        return
    typer.echo(
        f"{told.compared} of {told.asked} pages compared ({told.erased} erased, {told.lost} without their model); "
        f"{told.faithful} come out as they were served"
    )
    if not told.compared:
        typer.echo("nothing to compare: serve pages first, or try more with --servings")
        return
    assert told.changed_share is not None  # there are pages
    low, high = told.changed_share["low"], told.changed_share["high"]
    typer.echo(
        f"{told.changed} pages change ({told.changed / told.compared:.1%}, 95 % interval {low:.1%} to {high:.1%}); "
        f"{told.places['before']} places before, {told.places['after']} after"
    )
    for tier, count in told.tiers.items():
        typer.echo(f"  {tier}: {count['before']} places before, {count['after']} after")
    for kind in ("items", "authors", "topics"):
        rows = [
            (shift.id, str(shift.before), str(shift.after), f"{shift.change:+}")
            for shift in (*told.gained[kind], *told.lost_places[kind])
        ]
        if rows:
            print_table(f"{kind}: {told.moved[kind]} gain or lose", (kind[:-1], "before", "after", "change"), rows)


def publish(
    policy: Annotated[str, typer.Argument(help="A policy file, or a version of the store.")],
    reason: Reason,
    break_glass: Annotated[
        str, typer.Option(metavar="WHY", help="Do not wait for a second person, for a day at most, and say why.")
    ] = "",
    home: Home = None,
    json: Json = False,
) -> None:
    """Put a policy in force by a decision. Beside a server it goes through its API, where it may wait for a second
    person; exit code 0 then, too, with the id that is to be approved."""
    from feed.api_client import Api
    from feed.processes.offline import owned
    from feed.storage.errors import StoreInUse

    settings = settings_for(home)
    text = text_of(Path(policy)) if Path(policy).is_file() else ""
    try:
        with owned(settings) as service:
            if break_glass:
                raise BadInput("no server runs here, so nobody is waited for; leave --break-glass out")
            told = _published_offline(service, policy, text, reason)
    except StoreInUse as busy:
        with Api.beside(settings, busy) as api:
            version = api.draft(text)["version"] if text else policy
            asked = {"reason": reason, "break_glass": bool(break_glass), "break_glass_reason": break_glass}
            told = _told(version, api.send("POST", f"/v1/policy/drafts/{version}/publish", asked))
    _say(told, json)


def rollback(reason: Reason, home: Home = None, json: Json = False) -> None:
    """Bring back the policy that was in force before the present one, by reversing its publication."""
    from controls.decisions import Basis, DecisionType
    from controls.proposals import Proposal
    from feed.api_client import Api
    from feed.policies.publications import to_go_back_from
    from feed.processes.offline import decided, owned
    from feed.storage.errors import StoreInUse

    settings = settings_for(home)
    try:
        with owned(settings) as service:
            basis, target = Basis("operations", "policy publication"), to_go_back_from(service).id
            made = decided(service, Proposal(DecisionType.REVERSE, None, reason, basis, reverses=target))
            version = service.replica.latest().governance.policy
            told: dict[str, Any] = {"version": version, "decision": made.id, "revision": made.revision}
    except StoreInUse as busy:
        with Api.beside(settings, busy) as api:
            decision = api.send("POST", "/v1/policy/rollback", {"reason": reason})["decision"]
            version = api.get("/v1/policy")["version"]
            told = {"version": version, "decision": decision["id"], "revision": decision["revision"]}
    _say({**told, "pending": ""}, json)


def _published_offline(service: Any, policy: str, text: str, reason: str) -> dict[str, Any]:
    from controls.decisions import Basis, DecisionType
    from controls.policy import canonical, content_hash
    from controls.proposals import Proposal
    from feed.processes.offline import decided

    version = policy
    if text:
        read = read_policy(policy)
        version = content_hash(read)
        service.store.policies.put(version, canonical(read).decode(), service.clock.now()).result()
    elif not service.policies.known(version):
        raise BadInput(f"{policy} is no file, and no version of this store; name one of them")
    basis = Basis("operations", "policy publication")
    proposal = Proposal(DecisionType.PUBLISH_POLICY, None, reason, basis, parameters={"policy": version})
    decision = decided(service, proposal)
    return {"version": version, "decision": decision.id, "revision": decision.revision, "pending": ""}


def _told(version: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    if "decision" not in answer:
        return {"version": version, "decision": "", "revision": 0, "pending": answer["id"]}
    decision = answer["decision"]
    return {"version": version, "decision": decision["id"], "revision": decision["revision"], "pending": ""}


def _say(told: Mapping[str, Any], json: bool) -> None:
    if json:
        print_json(told)
    elif told["pending"]:
        typer.echo(f"{told['version']} waits for a second person as {told['pending']}")
        remark(f"approve it with POST /v1/decisions/{told['pending']}/approve and another person's token")
    elif told["version"]:
        typer.echo(f"{told['version']} is in force by decision {told['decision']} at revision {told['revision']}")
    else:
        typer.echo(f"no policy is in force, by decision {told['decision']} at revision {told['revision']}")
