"""What every test may use: real data by ``WEIR_DATA``, hypothesis profiles, single-threaded BLAS.

``HYPOTHESIS_PROFILE=ci`` makes property tests repeat the same examples; the default explores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# Before numpy is imported: implicit warns, and test timings wobble, when BLAS brings its own threads.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# No deadlines: the first call of a compiled kernel is slow, and neighbours on the machine are not under test.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


_configure_logs = structlog.configure


@pytest.fixture(autouse=True)
def logging_as_it_begins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loggers remember no configuration, and a test leaves none: the next one in this process may listen to them."""

    def configure(**chosen: object) -> None:
        _configure_logs(**{**chosen, "cache_logger_on_first_use": False})  # type: ignore[arg-type]

    monkeypatch.setattr(structlog, "configure", configure)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def weir_data() -> Path:
    """Folder of real data sets, absolute; the test skips where there is none."""
    named = os.environ.get("WEIR_DATA")
    if not named:
        pytest.skip("WEIR_DATA is not set; point it at a folder that holds ml-latest-small, gowalla and obd")
    folder = Path(named).resolve()
    if not folder.is_dir():
        pytest.skip(f"WEIR_DATA names {named}, which is not a folder")
    return folder


def _data_set(folder: Path, name: str) -> Path:
    if not (folder / name).is_dir():
        pytest.skip(f"WEIR_DATA ({folder}) holds no folder {name}")
    return folder / name


@pytest.fixture(scope="session")
def movielens(weir_data: Path) -> Path:
    """The ml-latest-small folder: 671 readers, 9,066 rated films, 100,004 ratings."""
    return _data_set(weir_data, "ml-latest-small")


@pytest.fixture(scope="session")
def gowalla(weir_data: Path) -> Path:
    """The gowalla folder: train.txt and test.txt, one reader a line."""
    return _data_set(weir_data, "gowalla")
