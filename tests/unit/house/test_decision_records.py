"""Decision records are complete: numbered without gaps, a known status, four headings each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RECORDS = sorted((ROOT / "docs" / "adr").glob("*.md"))
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives"]
STATUS = re.compile(r"^\*\*Status\*\*: (?:proposed|accepted|replaced by \d{4})$", re.MULTILINE)
MOST_WORDS = 450


def test_records_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_its_number_a_status_and_all_headings(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert text.startswith(f"# {record.name[:4]} ")
    assert STATUS.search(text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_about_half_a_page(record: Path) -> None:
    assert len(record.read_text(encoding="utf-8").split()) <= MOST_WORDS
