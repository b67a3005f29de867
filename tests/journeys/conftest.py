"""What the journeys share: services behind HTTP, one a module where a story leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.http_service import Http, running


@pytest.fixture(scope="module")
def shared_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    """One service for a whole module, with items."""
    with running(tmp_path_factory.mktemp("weir")) as http:
        http.put_items()
        yield http


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Http]:
    """A service of one's own, with items."""
    with running(tmp_path / "weir") as http:
        http.put_items()
        yield http
