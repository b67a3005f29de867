"""The schema that the migrations make is the one that the code reads and writes, on every database."""

from __future__ import annotations

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_mock_engine, select, text
from sqlalchemy.dialects import postgresql

from controls.blocks import BLOCK, BlockTree
from controls.merkle import MerkleTree, leaf_hash
from feed.storage.migrations import FOLDER, migrate
from feed.storage.schema import JOURNAL, LEDGER, REVISIONS, blocks, items, ledger, metadata, servings
from feed.storage.sqlite.opening import migration_engine


@pytest.fixture
def engine():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    engine = migration_engine(connection)
    yield engine
    engine.dispose()
    connection.close()


def shape(engine):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")).all()
    # A table that was made anew by a migration has its name in quotes.
    plain = {tuple(rest): " ".join((sql or "").replace('"', "").split()) for *rest, sql in rows}
    return [(*rest, sql) for rest, sql in plain.items() if "alembic" not in rest[1]]


def test_the_migrated_schema_is_the_metadata(engine):
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrated_schema_is_the_metadata_to_the_letter(engine):
    migrate(engine)
    other = sqlite3.connect(":memory:", isolation_level=None)
    made = migration_engine(other)
    metadata.create_all(made)
    assert shape(engine) == shape(made)
    made.dispose()
    other.close()


def test_migrating_again_changes_nothing(engine):
    migrate(engine)
    before = shape(engine)
    migrate(engine)
    assert shape(engine) == before


def test_a_migration_that_fails_leaves_nothing_behind(engine):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE models (x)"))  # in the way of the last table
    with pytest.raises(Exception, match="models already exists"):
        migrate(engine)
    assert [name for _, name, *_ in shape(engine)] == ["models"]


def test_ledger_and_journal_begin_at_zero(engine):
    migrate(engine)
    with engine.connect() as connection:
        assert dict(connection.execute(text("SELECT name, number FROM heads")).all()) == {LEDGER: 0, JOURNAL: 0}


def test_the_known_revisions_are_those_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(REVISIONS)


def test_the_tables_can_be_made_on_postgresql():
    made: list[str] = []
    dialect = postgresql.dialect()
    on_postgresql = create_mock_engine(
        "postgresql://", lambda sql, *_, **__: made.append(str(sql.compile(dialect=dialect)))
    )
    metadata.create_all(on_postgresql, checkfirst=False)
    tables = [sql for sql in made if "CREATE TABLE" in sql]
    assert len(tables) == len(metadata.tables)
    assert any("seq BIGSERIAL" in sql for sql in tables) and any("edition BIGINT NOT NULL" in sql for sql in tables)
    assert any("WHERE consented = 1 AND kind <> 0" in sql for sql in made)


def test_a_ledger_from_before_the_tree_gets_its_tree(engine):
    migrate(engine, "0001")
    count = 300 * BLOCK + 5
    hashes = [leaf_hash(b"leaf %d" % number) for number in range(count)]
    with engine.begin() as connection:
        connection.execute(
            ledger.insert(),
            [
                {"revision": n + 1, "id": str(n), "subject": "", "reverses": None, "leaf": b"", "leaf_hash": hashes[n]}
                for n in range(count)
            ],
        )
    migrate(engine)
    with engine.connect() as connection:
        made = connection.execute(select(blocks).order_by(blocks.c.number)).all()
    assert [number for number, _ in made] == list(range(300))
    tree = BlockTree(lambda block: hashes[block * BLOCK : (block + 1) * BLOCK])
    for _, root in made:
        tree.append(root)
    assert tree.root(count) == MerkleTree(hashes).root()


def test_items_from_before_their_text_keep_all_they_had(engine):
    migrate(engine, "0002")
    old = {"id": "i1", "author": "ada", "title": "A", "topics": '["t"]', "published_at": 7, "language": "en"}
    old |= {"region": "FR", "community": "c", "withdrawn": 1}
    columns = ", ".join(old)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO items ({columns}) VALUES ({', '.join(map(repr, old.values()))})"))
    migrate(engine)
    with engine.connect() as connection:
        assert dict(connection.execute(select(items)).mappings().one()) == old | {"text": ""}


def test_servings_from_before_their_arms_keep_all_they_had(engine):
    migrate(engine, "0005")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO servings VALUES (7, 'q1', 'ada', 100, 3, 2, 99, 'm1', x'00ff', x'01', 0)"))
    migrate(engine)
    with engine.connect() as connection:
        kept = connection.execute(select(servings)).one()
    assert tuple(kept) == (7, "q1", "ada", 100, 3, 2, 99, "m1", b"\x00\xff", b"\x01", 0, "")
