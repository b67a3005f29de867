"""``weir log``: the ledger checked, signed, proven and exported. All but ``rotate`` work beside a running server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.failures import BadInput
from feed.cli.speaking import Home, Json, print_json, progress_bar, settings_for

if TYPE_CHECKING:
    from controls.notes import VerifierKey
    from controls.verification import Checked
    from feed.ledger.keys import LogKeys
    from feed.storage.ports.store import Store

app = typer.Typer(
    help="Check, sign, prove and export the ledger of all decisions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("verify")
def verify(
    export: Annotated[Path | None, typer.Argument(help="An export, to check alone; else the store.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A key that you trust (name+hash+base64); repeat it for several.")
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Check every entry, attachment, tree and signature. Exit code 1, and where it is, for the first that is wrong."""
    from controls.notes import VerifierKey
    from feed.ledger.checking import check_store
    from feed.ledger.export import check_export
    from feed.models.library import PolicyDocuments

    trusted = tuple(VerifierKey.parse(text) for text in key or ())
    with progress_bar() as bar:
        if export is not None:
            found = check_export(export, trusted, bar.amount)
        else:
            with _reading(home) as (store, keys):
                found = check_store(store, keys, PolicyDocuments(store.policies), bar.amount, trusted)
    if json:
        print_json(_document(found))
    else:
        _tell(found, trusted, from_export=export is not None)


@app.command("checkpoint")
def checkpoint(home: Home = None, json: Json = False) -> None:
    """Sign the ledger as it is now, and print the checkpoint."""
    from feed.ledger import proofs

    with _reading(home) as (store, keys):
        note = proofs.checkpoint(store, keys)
    if json:
        print_json({"checkpoint": note, "keys": [str(key) for key in keys.public]})
    else:
        typer.echo(note, nl=False)


@app.command("prove")
def prove(
    revision: Annotated[int, typer.Argument(min=1, help="The revision to prove.")],
    size: Annotated[int | None, typer.Option(min=1, help="In the ledger of so many entries; all by default.")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Print a proof that a revision is in the ledger, with the signed checkpoint that it leads to."""
    from feed.errors import InputInvalid
    from feed.ledger import proofs

    with _reading(home) as (store, keys):
        try:
            made = proofs.inclusion(store, keys, revision, size)
        except InputInvalid as error:
            raise BadInput(error.detail) from error
    if json:
        print_json(asdict(made))
        return
    typer.echo(f"revision {made.revision} of {made.size}, leaf hash {made.leaf_hash}")
    for part in made.path:
        typer.echo(part)
    typer.echo(f"\n{made.checkpoint}", nl=False)


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")],
    attachments: Annotated[
        bool, typer.Option("--attachments", help="With reasons, persons and evidence: for those who may see them.")
    ] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Write the ledger to a file that `weir log verify` checks alone, anywhere."""
    from feed.ledger.export import write_export
    from feed.models.library import PolicyDocuments

    if file.exists():
        raise BadInput(f"{file} is there already; name a new file")
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with _reading(home) as (store, keys), progress_bar() as bar:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if attachments else 0o644)
            with os.fdopen(descriptor, "wb") as written:
                policies = PolicyDocuments(store.policies)
                count = write_export(store, keys, policies, written, attachments=attachments, told=bar.amount)
        os.replace(aside, file)
    finally:
        aside.unlink(missing_ok=True)
    if json:
        print_json({"file": str(file), "entries": count, "origin": keys.origin})
    else:
        typer.echo(f"{count} entries of {keys.origin} are in {file}")


@app.command("rotate")
def rotate(home: Home = None, json: Json = False) -> None:
    """Make a new key sign from now on; both sign the ledger as it is. Stop the server first: it holds the old key."""
    from feed.ledger.keys import rotated
    from feed.storage.records import CheckpointRecord
    from feed.stores import open_store

    settings = settings_for(home)
    open_store(settings, exclusive=False).close()  # which makes none where there is none
    store = open_store(settings)
    try:
        head = store.ledger.head()
        keys, note = rotated(settings, head, store.log.root(head))
        store.log.keep(CheckpointRecord(head, note)).result()
    finally:
        store.close()
    if json:
        print_json({"checkpoint": note, "keys": [str(key) for key in keys.public]})
    else:
        typer.echo(f"{keys.signer.verifier} signs from now on; publish it with what both keys signed:")
        typer.echo(f"\n{note}", nl=False)


@contextmanager
def _reading(home: Path | None) -> Iterator[tuple[Store, LogKeys]]:
    from feed.ledger.keys import load_log_keys
    from feed.stores import open_store

    settings = settings_for(home)
    store = open_store(settings, exclusive=False)
    try:
        yield store, load_log_keys(settings)
    finally:
        store.close()


def _document(found: Checked) -> dict[str, object]:
    signers = [str(key) for key in found.signers]
    return asdict(found) | {"root": found.root.hex(), "signers": signers, "unsigned": found.entries - found.signed}


def _tell(found: Checked, trusted: tuple[VerifierKey, ...], *, from_export: bool) -> None:
    typer.echo(f"entries      {found.entries}, gapless from revision 1, each with its hash; root {found.root.hex()}")
    typer.echo(f"attachments  {found.attachments} open their commitments; {found.absent} were erased or left out")
    unsigned = found.entries - found.signed
    behind = f"; the last {unsigned} entries are not signed yet" if unsigned else ""
    typer.echo(f"checkpoints  {found.checkpoints}, signed over {found.signed} entries{behind}")
    for key in found.signers:
        typer.echo(f"signed by    {key}")
    if from_export and not trusted:
        typer.echo("             as the export says itself; compare with the operator's keys, or give them with --key")
    typer.echo(f"folds        to policy {found.policy or 'none'}, model {found.model or 'none'}")
