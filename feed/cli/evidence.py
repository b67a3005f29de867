"""``weir evidence``: what was preserved at a decision, written as a folder and checked anywhere, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feed.cli.failures import BadInput
from feed.cli.speaking import Home, Json, print_json, settings_for

app = typer.Typer(
    help="Export what was preserved at a decision, and check such a folder.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("export")
def export(
    decision: Annotated[str, typer.Argument(help="Id of the decision.")],
    to: Annotated[Path, typer.Option("--to", help="The folder to write; it must not be there yet.")],
    home: Home = None,
    json: Json = False,
) -> None:
    """Write the evidence of a decision as a folder: what was preserved, the decision, its proof, and a report in plain
    text for an authority. Works beside a running server."""
    from feed.clock import SystemClock
    from feed.errors import AlreadyThere, NotFound
    from feed.ledger.keys import load_log_keys
    from feed.stores import open_store
    from feed.transparency.evidence_folder import files_of, write_folder

    settings = settings_for(home)
    store = open_store(settings, exclusive=False)
    try:
        keys = load_log_keys(settings)
        files = files_of(store, keys, decision, SystemClock().now())
        write_folder(to, files)
    except (AlreadyThere, NotFound) as error:
        raise BadInput(error.detail) from error
    finally:
        store.close()
    if json:
        print_json({"decision": decision, "folder": str(to), "files": sorted(files), "origin": keys.origin})
    else:
        typer.echo(
            f"the evidence of {decision} is in {to} ({len(files)} files); check it with: weir evidence verify {to}"
        )


@app.command("verify")
def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that was exported.")],
    key: Annotated[
        list[str] | None, typer.Option(help="A key that you trust (name+hash+base64); repeat it for several.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a folder alone. Exit code 1, and the file, for the first that is not what was exported."""
    from controls.evidence import check_folder
    from controls.notes import VerifierKey
    from feed.transparency.evidence_folder import read_folder

    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; name one that `weir evidence export` wrote")
    trusted = tuple(VerifierKey.parse(text) for text in key or ())
    found = check_folder(read_folder(folder), trusted)
    decision, checkpoint = found.decision, found.checkpoint
    if json:
        print_json(
            {
                "decision": decision.id,
                "type": decision.type.value,
                "revision": decision.revision,
                "origin": checkpoint.origin,
                "size": checkpoint.size,
                "absent": list(found.absent),
                "signers": [str(signer) for signer in found.signers],
            }
        )
        return
    about = f"{decision.subject.kind.value} {decision.subject.id}"
    typer.echo(
        f"decision     {decision.id}: {decision.type.value} of {about}; every file has its digest, sealed and signed"
    )
    typer.echo(f"ledger       {checkpoint.origin}, revision {decision.revision} of {checkpoint.size}, proven")
    if found.absent:
        typer.echo(f"erased       {', '.join(found.absent)}")
    for signer in found.signers:
        typer.echo(f"signed by    {signer}")
    if not trusted:
        typer.echo("             as the folder says itself; compare with the operator's keys, or give them with --key")
