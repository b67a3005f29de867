"""``weir backup`` and ``weir restore``: a home folder at one moment, kept elsewhere, and put back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.failures import BadInput
from feed.cli.speaking import Home, Json, print_json, progress_bar, remark, settings_for

if TYPE_CHECKING:
    from feed.operations.backup_form import Manifest

_NO_SECRET = (
    "the secret is not in it: where it is not kept otherwise, local tokens and cursors end with it (--secret keeps it)"
)
_DATABASE = (
    "the database is not in it: take its own backup now, after this one, with `pg_dump --format=custom` or a base "
    "backup with WAL archiving; docs/operations.md says how they go together"
)


def backup(
    path: Annotated[Path, typer.Argument(help="New folder, or new file if it ends in .tar, .tar.gz or .tgz.")],
    secret: Annotated[
        bool, typer.Option("--secret", help="With the home folder's secret: whoever has it can sign tokens.")
    ] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Copy store, models and the ledger's key as they are at one moment; a running server goes on meanwhile."""
    from feed.clock import SystemClock
    from feed.operations.backup import make_backup

    if path.exists():
        raise BadInput(f"{path} is there already; name a new file or folder")
    settings = settings_for(home)
    with progress_bar() as bar:
        manifest = make_backup(settings, path, SystemClock().now(), bar.amount, secret=secret)
    if json:
        print_json(_document(path, manifest))
    else:
        typer.echo(f"{path} holds {_words(manifest)}")
    if "secret" not in manifest.names():
        remark("the secret is a setting, and not in it" if settings.secret is not None else _NO_SECRET)
    if manifest.store == "postgresql":
        remark(_DATABASE)


def restore(
    path: Annotated[Path, typer.Argument(help="A backup: its folder or file.")],
    force: Annotated[
        bool, typer.Option("--force", help="Put aside what is in the home folder, within it, under replaced-<time>.")
    ] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Verify a backup, every byte, and make it the home folder. Stop the server first."""
    from feed.clock import SystemClock
    from feed.operations.restoring import restore as restored
    from feed.storage.schema import REVISIONS

    if not path.exists():
        raise BadInput(f"{path} is not there; name the folder or file of a backup")
    settings = settings_for(home)
    with progress_bar() as bar:
        found = restored(path, settings, SystemClock().now(), bar.amount, force=force)
    manifest = found.manifest
    if json:
        aside = None if found.put_aside is None else str(found.put_aside)
        print_json(_document(path, manifest) | {"home": str(settings.home), "put_aside": aside})
    else:
        typer.echo(f"{settings.home} is as it was at {manifest.made_at}: {_words(manifest)}")
    if found.put_aside is not None:
        remark(f"what was there before lies in {found.put_aside}")
    if "secret" not in manifest.names() and settings.secret is None:
        remark("the backup holds no secret: put yours back as `secret`, mode 0600, or the next start makes a new one")
    if found.database:
        remark(found.database)
    if manifest.schema_revision != REVISIONS[-1]:
        remark("it is of an earlier release; run: weir doctor --upgrade")


def _words(manifest: Manifest) -> str:
    models = sum(name.startswith("models/") for name in manifest.names())
    size = sum(file.bytes for file in manifest.files)
    store = "the store, " if manifest.store == "sqlite" else ""
    ledger = f"ledger at {manifest.ledger.size}, edition {manifest.edition}"
    return f"{store}{models} models and the ledger's key, {size:,} bytes; {ledger}"


def _document(path: Path, manifest: Manifest) -> dict[str, object]:
    return {"path": str(path), "secret": "secret" in manifest.names(), **manifest.model_dump(mode="json")}
