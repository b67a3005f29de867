"""``weir policy preview|publish|rollback``, on a store that nobody serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feed.cli import main
from tests.journeys.http_service import running
from tests.unit.feed.policies.test_policy_drafts import BASE, NEWS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which two pages were served."""
    folder = tmp_path_factory.mktemp("weir")
    with running(folder) as http:
        http.put_items()
        for reader in ("r1", "r2"):
            assert http.call("GET", f"/v1/feed?reader={reader}&limit=10&mode=latest", "feed").status_code == 200
        assert http.service.servings.flush()
    return folder


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in (("base", BASE), ("news", NEWS)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "base.yaml", tmp_path / "news.yaml"


def told(capsys: pytest.CaptureFixture[str], *arguments: object, home: Path) -> dict[str, object]:
    assert main(["policy", *map(str, arguments), "--home", str(home), "--json"]) == 0
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_a_preview_of_a_file_tells_what_it_would_change(
    home: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    made = told(capsys, "preview", files[1], home=home)
    assert (made["compared"], made["changed"], made["faithful"]) == (2, 2, 2)
    assert main(["policy", "preview", str(files[1]), "--home", str(home), "--servings", "1"]) == 0
    words = capsys.readouterr().out
    assert "1 of 1 pages compared" in words and "1 pages change (100.0%" in words and "topics: " in words
    against = told(capsys, "preview", files[1], "--against", files[1], home=home)
    assert (against["compared"], against["changed"]) == (2, 0)


def test_a_policy_is_published_and_rolled_back(
    home: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first = told(capsys, "publish", files[0], "--reason", "the first", home=home)
    second = told(capsys, "publish", files[1], "--reason", "the second", home=home)
    back = told(capsys, "rollback", "--reason", "too much", home=home)
    assert back["version"] == first["version"] != second["version"]
    again = told(capsys, "publish", second["version"], "--reason", "after all", home=home)
    assert again["version"] == second["version"]
    told(capsys, "rollback", "--reason", "no", home=home)
    assert main(["policy", "rollback", "--reason", "none", "--home", str(home)]) == 0
    assert "no policy is in force, by decision" in capsys.readouterr().out
    assert main(["policy", "rollback", "--reason", "none", "--home", str(home)]) == 1
    assert "no policy is in force" in capsys.readouterr().err


def test_what_is_no_policy_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "publish", "nowhere.yaml", "--reason", "x", "--home", str(home)]) == 2
    assert "no file, and no version" in capsys.readouterr().err
    assert main(["policy", "preview", "nowhere.yaml", "--home", str(home)]) == 2
