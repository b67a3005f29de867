"""The form of a backup: a folder, or one tar file of the same, whose manifest names every file with its SHA-256.

The manifest comes first, so that a tar file is read once from front to back. Names are those of the home folder and no
others, so that a backup cannot write anywhere else.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feed.errors import BackupAltered

MANIFEST = "manifest.json"
STORE = "weir.db"
LOG_KEY = "log-key"
SECRET = "secret"
MODELS = "models"

_STEP = 1 << 20
_LARGEST_MANIFEST = 16 << 20
_TAR = (".tar", ".tar.gz", ".tgz")
_NAME = rf"^({STORE.replace('.', '[.]')}|{LOG_KEY}|{SECRET}|{MODELS}/[A-Za-z0-9_-]+[.]graph)$"

Progress = Callable[[str, int, int], None]
"""What is done, how much of it, of how much."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileOf(_Part):
    """One file: its name in the home folder, its length and its digest."""

    name: str = Field(pattern=_NAME)
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class LedgerOf(_Part):
    """The ledger at the moment of the backup: its size, the root of its tree, and both as a signed checkpoint."""

    size: int = Field(ge=0)
    root: str = Field(pattern="^[0-9a-f]{64}$")
    checkpoint: str


class Manifest(_Part):
    """What a backup says of itself. ``store`` is where the records are: in the backup (sqlite), or in a database that
    has a backup of its own (postgresql)."""

    format: Literal["weir-backup"] = "weir-backup"
    version: Literal[1] = 1
    release: str
    made_at: int
    store: Literal["sqlite", "postgresql"]
    schema_revision: str
    ledger: LedgerOf
    edition: int = Field(ge=0)
    model: str
    files: tuple[FileOf, ...]

    def names(self) -> set[str]:
        """Names of all files."""
        return {file.name for file in self.files}


def in_one_file(path: Path) -> bool:
    """Whether a backup of this name is one file."""
    return path.name.endswith(_TAR)


def copied(source: BinaryIO, target: Path, told: Callable[[int], None] = lambda done: None) -> FileOf:
    """Copy a file to a new one, its owner's alone and durable; what it is, under the target's name."""
    digest, length = sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        while block := source.read(_STEP):
            digest.update(block)
            written.write(block)
            length += len(block)
            told(length)
        written.flush()
        os.fsync(written.fileno())
    return FileOf.model_construct(name=target.name, bytes=length, sha256=digest.hexdigest())


def digested(path: Path, name: str, told: Callable[[int], None] = lambda done: None) -> FileOf:
    """What a file is, under a name."""
    digest, length = sha256(), 0
    with open(path, "rb") as source:
        while block := source.read(_STEP):
            digest.update(block)
            length += len(block)
            told(length)
    return FileOf(name=name, bytes=length, sha256=digest.hexdigest())


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Put the manifest beside its files."""
    descriptor = os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(manifest.model_dump_json(indent=2) + "\n")
        written.flush()
        os.fsync(written.fileno())


def pack(folder: Path, manifest: Manifest, to: Path, told: Progress) -> None:
    """Put a backup's folder into a new tar file, compressed when its name ends so; its owner's alone and durable."""
    total, done = sum(file.bytes for file in manifest.files), 0
    descriptor = os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        with tarfile.open(fileobj=written, mode="w:" if to.name.endswith(".tar") else "w:gz") as tar:
            for name in (MANIFEST, *(file.name for file in manifest.files)):
                told("packing", done, total)
                tar.add(folder / name, arcname=name, recursive=False)
                done += (folder / name).stat().st_size if name != MANIFEST else 0
        written.flush()
        os.fsync(written.fileno())


def members(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """The files of a backup by name, each to be read before the next is asked for, within :func:`readable`.

    Raises ``BackupAltered`` for what is no backup, or holds anything but files.
    """
    if path.is_dir():
        names = sorted(str(found.relative_to(path)) for found in path.rglob("*") if not found.is_dir())
        for name in sorted(names, key=lambda name: name != MANIFEST):
            with open(path / name, "rb") as file:
                yield name, file
        return
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise BackupAltered(f"{path} holds {member.name!r}, which is no file; make another backup")
            yield member.name, content  # type: ignore[misc]


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise ``BackupAltered`` for what of a tar file cannot be read, while the block reads its members."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as cause:
        raise BackupAltered(f"{path} is no whole tar file ({cause}); name a backup of `weir backup`") from cause


def read_manifest(path: Path, name: str, content: BinaryIO) -> Manifest:
    """The manifest, from the first member of a backup; raises ``BackupAltered`` for anything else."""
    if name != MANIFEST:
        raise BackupAltered(f"{path} does not begin with {MANIFEST}; name a backup of `weir backup`")
    try:
        return Manifest.model_validate_json(content.read(_LARGEST_MANIFEST))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise BackupAltered(
            f"{MANIFEST} of {path} does not hold at {where} ({first['msg']}); it is altered, or of a later release"
        ) from error


def settle(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Remove a folder of files that were put aside, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
