"""Grown deployments that are set up wrongly do not start, and one clear line says what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from feed.bootstrap import open_service
from feed.errors import SetupInvalid
from feed.settings import Settings
from feed.storage.errors import SchemaTooNew, SchemaTooOld
from feed.storage.schema import REVISIONS
from tests.contracts.postgres_server import fresh_database
from tests.journeys.grown_servers import Ground, grounded
from tests.journeys.grown_service import begun, settings_of

pytestmark = pytest.mark.journey
_numbers = count()


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with grounded() as found:
        yield found


@pytest.fixture
def another(ground: Ground) -> Settings:
    """The settings of another deployment on the same Redis, under a prefix of its own."""
    number = next(_numbers)
    url = fresh_database(ground.database.maintenance, f"other{number}")
    return settings_of(ground).model_copy(update={"database": SecretStr(url), "redis_prefix": f"p{number}"})


def refused(settings: Settings, said: Path) -> tuple[int, list[str]]:
    """The code that `weir serve` ends with, and its own lines."""
    process = begun(settings, said)
    try:
        code = process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return code, [line for line in said.read_text().splitlines() if line.startswith("weir: ")]


def test_several_workers_that_share_nothing_are_refused(tmp_path):
    with pytest.raises(ValueError, match="3 workers share nothing: set WEIR_DATABASE and WEIR_REDIS"):
        Settings(home=tmp_path, workers=3)
    with pytest.raises(ValueError, match="2 workers share nothing"):
        Settings(home=tmp_path, workers=2, database=SecretStr("postgresql://nobody@127.0.0.1:9/none"))


def test_redis_without_a_database_is_refused_before_anything_is_made(ground, tmp_path):
    with pytest.raises(SetupInvalid, match="WEIR_REDIS is set without WEIR_DATABASE"):
        open_service(Settings(home=tmp_path, redis=SecretStr(ground.redis.url)))
    assert not list(tmp_path.glob("*.db*"))


def test_workers_on_a_prefix_of_another_deployment_are_refused_in_words(ground, another, tmp_path):
    open_service(another).close()
    url = fresh_database(ground.database.maintenance, "mine")
    mine = another.model_copy(update={"database": SecretStr(url), "workers": 2})
    code, lines = refused(mine, tmp_path / "said")
    assert code == 2
    assert f"the prefix {another.redis_prefix!r} in Redis belongs to the deployment" in lines[0]
    assert "WEIR_REDIS_PREFIX" in lines[0] and "a worker did not start" in lines[-1]


def test_a_worker_beside_those_of_another_series_of_releases_is_refused_in_words(another):
    running = open_service(another)
    try:
        running.store.replicas.confirm("elsewhere", "99.1.0", 0)
        with pytest.raises(SetupInvalid, match="processes of release 99"):
            open_service(another)
    finally:
        running.close()


@pytest.mark.parametrize(
    ("revision", "refusal", "words"),
    [(REVISIONS[-2], SchemaTooOld, "weir doctor --upgrade"), ("9999", SchemaTooNew, "install the release")],
)
def test_a_worker_of_a_release_with_another_schema_is_refused(another, revision, refusal, words):
    running = open_service(another)
    try:
        assert another.database is not None
        with psycopg.connect(another.database.get_secret_value(), autocommit=True) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
        with pytest.raises(refusal, match=words):
            open_service(another)
    finally:
        running.close()
