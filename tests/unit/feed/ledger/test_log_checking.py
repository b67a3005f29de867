"""Tampering with any byte of the ledger, in its store or in an export, is found and located; what is whole passes."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import MappingProxyType

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controls.blocks import BLOCK, block_root
from controls.decisions import Decision, DecisionType, Subject, SubjectKind
from controls.errors import LedgerAltered
from controls.ledger import leaf_hash
from controls.notes import SignerKey
from controls.policy import canonical, content_hash, load
from feed.errors import ExportAltered
from feed.ledger.checking import check_store
from feed.ledger.export import check_export, write_export
from feed.ledger.keys import LogKeys
from feed.models.library import PolicyDocuments
from feed.storage.errors import StorageError
from feed.storage.ports.store import Store
from feed.storage.records import CheckpointRecord
from feed.storage.sqlite.opening import open_sqlite
from tests.contracts.making import decision

COUNT = BLOCK + 12
KEYS = LogKeys(SignerKey("weir.example/log", b"n" * 32), (SignerKey("weir.example/log", b"o" * 32).verifier,))
OLD = LogKeys(SignerKey("weir.example/log", b"o" * 32))
POLICY = load('{"name": "house"}')
SEEN_TABLES = ("ledger", "attachments", "blocks", "checkpoints", "heads")


def told(message: str, done: int, total: int) -> None:
    assert 0 < done <= total, message


def decisions() -> list[Decision]:
    made = [decision(f"d{number}", evidence=("seen",) * (number % 3)) for number in range(COUNT)]
    made[4] = decision("d4", DecisionType.REVERSE, reverses="d2")
    made[6] = decision("d6", subject=Subject(SubjectKind.AUTHOR, "ada"), actor="bob")
    made[9] = decision(
        "d9",
        DecisionType.PUBLISH_POLICY,
        subject=Subject(SubjectKind.PLATFORM, ""),
        parameters=MappingProxyType({"policy": content_hash(POLICY)}),
    )
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with checkpoints of an old and the present key, and its exports without and with attachments."""
    folder = tmp_path_factory.mktemp("whole")
    store = open_sqlite(folder / "weir.db")
    store.policies.put(content_hash(POLICY), canonical(POLICY).decode(), 1).result()
    store.ledger.append_all(decisions()).result()
    for size, keys in ((0, OLD), (30, OLD), (70, KEYS)):
        store.log.keep(CheckpointRecord(size, keys.checkpoint(size, store.log.root(size)))).result()
    store.readers.erase("bob", 100).result()
    for name, attachments in (("public", False), ("full", True)):
        with (folder / name).open("wb") as file:
            documents = PolicyDocuments(store.policies)
            assert write_export(store, KEYS, documents, file, attachments=attachments, told=told) == COUNT
    store.close()
    connection = sqlite3.connect(folder / "weir.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder


def check(store: Store) -> None:
    check_store(store, KEYS, PolicyDocuments(store.policies), told)


def test_what_is_whole_passes_and_is_told(whole: Path) -> None:
    store = open_sqlite(whole / "weir.db", exclusive=False)
    found = check_store(store, KEYS, PolicyDocuments(store.policies), told)
    assert (found.entries, found.checkpoints, found.signed, found.absent) == (COUNT, 3, 70, 1)
    assert found.root == store.log.root(COUNT)
    assert found.signers == (OLD.signer.verifier, KEYS.signer.verifier)
    assert found.policy == content_hash(POLICY)
    store.close()
    full = check_export(whole / "full", (), told)
    assert (full.entries, full.root, full.attachments, full.absent) == (COUNT, found.root, found.attachments, 1)
    assert (full.checkpoints, full.signed) == (4, COUNT)
    public = check_export(whole / "public", KEYS.public, told)
    assert (public.root, public.attachments, public.absent) == (found.root, 0, found.attachments + 1)


def test_a_public_export_names_no_person_and_gives_no_reason(whole: Path) -> None:
    text = (whole / "public").read_text(encoding="utf-8")
    for private in ("eve", "ada", "bob", "three readers reported it", "salt"):
        assert f'"{private}"' not in text
    assert '\\"eve\\"' in (whole / "full").read_text(encoding="utf-8")
    assert "bob" not in (whole / "full").read_text(encoding="utf-8")


@settings(max_examples=80)
@given(st.sampled_from(["public", "full"]), st.data())
def test_no_byte_of_an_export_can_be_changed_unseen(whole: Path, name: str, data: st.DataObject) -> None:
    content = bytearray((whole / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    spoilt = whole / "spoilt"
    spoilt.write_bytes(content)
    line = (whole / name).read_bytes().count(b"\n", 0, place) + 1
    with pytest.raises(ExportAltered) as found:
        check_export(spoilt, (), told)
    assert f"line {line}:" in found.value.detail


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_byte_of_a_row_can_be_changed_unseen(whole: Path, data: st.DataObject) -> None:
    spoilt = whole / "spoilt.db"
    for left in whole.glob("spoilt.db*"):  # a write-ahead log would be read into the next copy
        left.unlink()
    shutil.copy(whole / "weir.db", spoilt)
    connection = sqlite3.connect(spoilt, isolation_level=None)
    table = data.draw(st.sampled_from(SEEN_TABLES))
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    where = "name = 'ledger'" if table == "heads" else "1"
    rows = connection.execute(f"SELECT * FROM {table} WHERE {where}").fetchall()
    row, column = data.draw(st.sampled_from(rows)), data.draw(st.integers(0, len(columns) - 1))
    value = row[column]
    if not isinstance(value, int):
        content = bytearray(value.encode() if isinstance(value, str) else value or b"?")
        content = content or bytearray(b"?")
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        changed: object = bytes(content)
        put = "CAST(? AS TEXT)" if value is None or isinstance(value, str) else "?"
    else:
        changed, put = value ^ (1 << data.draw(st.integers(0, 40))), "?"
    keys = [name for name, kept in zip(columns, row, strict=True) if kept is not None]
    find = " AND ".join(f"{name} IS ?" for name in keys)
    try:
        statement = f"UPDATE {table} SET {columns[column]} = {put} WHERE {find}"
        connection.execute(statement, (changed, *(kept for kept in row if kept is not None)))
    except sqlite3.IntegrityError:
        return  # a key that is taken: the database itself refuses
    finally:
        connection.close()
    with pytest.raises((LedgerAltered, StorageError)) as found:
        store = open_sqlite(spoilt, exclusive=False, verify=False)
        try:
            check(store)
        finally:
            store.close()
    if table == "ledger" and columns[column] != "revision":
        assert isinstance(found.value, LedgerAltered)
        assert found.value.revision == row[0]


def forged(path: Path, revision: int) -> None:
    """Alter a decision with everything that can be made to fit without the key."""
    connection = sqlite3.connect(path, isolation_level=None)
    (leaf,) = connection.execute("SELECT leaf FROM ledger WHERE revision = ?", (revision,)).fetchone()
    leaf = leaf.replace(b'"decided_at":100', b'"decided_at":101')
    put = (leaf, leaf_hash(leaf), revision)
    connection.execute("UPDATE ledger SET leaf = ?, leaf_hash = ? WHERE revision = ?", put)
    hashes = [row[0] for row in connection.execute("SELECT leaf_hash FROM ledger ORDER BY revision")]
    connection.execute("UPDATE blocks SET root = ? WHERE number = 0", (block_root(hashes[:BLOCK]),))
    connection.close()


def test_what_was_signed_cannot_be_forged_and_is_found_between_its_checkpoints(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "weir.db", tmp_path / "weir.db")
    forged(tmp_path / "weir.db", 35)
    store = open_sqlite(tmp_path / "weir.db", exclusive=False)
    with pytest.raises(LedgerAltered, match="from here to 70, is not what was signed") as found:
        check(store)
    assert found.value.revision == 31
    store.close()


def test_a_ledger_that_was_cut_off_behind_a_checkpoint_is_found(whole: Path, tmp_path: Path) -> None:
    shutil.copy(whole / "weir.db", tmp_path / "weir.db")
    connection = sqlite3.connect(tmp_path / "weir.db", isolation_level=None)
    for table in ("ledger", "attachments"):
        connection.execute(f"DELETE FROM {table} WHERE revision > 66")
    connection.execute("UPDATE heads SET number = 66 WHERE name = 'ledger'")
    connection.close()
    store = open_sqlite(tmp_path / "weir.db", exclusive=False)
    with pytest.raises(LedgerAltered, match=r"revision 67: it is missing: .* 70 entries were signed"):
        check(store)
    store.close()


def test_an_export_by_another_key_passes_only_where_nobody_asks_whose_it_is(whole: Path, tmp_path: Path) -> None:
    strangers = LogKeys(SignerKey(KEYS.origin, b"s" * 32))
    store = open_sqlite(whole / "weir.db", exclusive=False)
    path = tmp_path / "export"
    with path.open("wb") as file:
        write_export(store, strangers, PolicyDocuments(store.policies), file, attachments=False, told=told)
    store.close()
    with pytest.raises(ExportAltered, match="none of the known keys"):
        check_export(path, KEYS.public, told)


@pytest.mark.parametrize("lines", [slice(0, -1), slice(1, None), slice(0, 0), slice(0, 1), slice(0, 20)])
def test_an_export_that_lacks_lines_is_refused(whole: Path, tmp_path: Path, lines: slice) -> None:
    path = tmp_path / "export"
    path.write_bytes(b"".join((whole / "public").read_bytes().splitlines(keepends=True)[lines]))
    with pytest.raises(ExportAltered):
        check_export(path, (), told)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "d2"}, "came before"),
        ({"reverses": "d60"}, "no earlier decision"),
        ({"type": "publish_policy", "parameters": {"policy": "0" * 64}}, "is not stored"),
        ({"type": "publish_policy"}, "cannot be folded"),
        ({"version": 2}, "not a ledger leaf of version 1"),
        ({"commitments": []}, "without commitments"),
    ],
)
def test_entries_that_fit_their_hash_and_not_the_ledger_are_refused(
    whole: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    lines = (whole / "public").read_bytes().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if b'"revision":20,' in line or line.endswith(b'"revision":20}\n'))
    document = orjson.loads(lines[place])
    leaf = orjson.dumps(orjson.loads(document["leaf"]) | change)
    document |= {"leaf": leaf.decode(), "hash": leaf_hash(leaf).hex()}
    lines[place] = orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    (tmp_path / "export").write_bytes(b"".join(lines))
    with pytest.raises(ExportAltered, match=words) as found:
        check_export(tmp_path / "export", (), told)
    assert found.value.revision == 20
