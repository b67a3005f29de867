"""Migrations: the one way by which a store gets its tables, a fresh one included.

Owns the history of the schema; ``feed.storage.schema`` is where it leads. The scripts lie beside this file and go
with the installed package.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine

from feed.storage.schema import APPLICATION_ID

FOLDER = Path(__file__).parent


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the store behind ``engine`` to a schema revision, in one transaction: it is never left halfway."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate_within(connection, revision)


def migrate_within(connection: Connection, revision: str = "head") -> None:
    """The same within the transaction that ``connection`` is in, which its caller ends."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
