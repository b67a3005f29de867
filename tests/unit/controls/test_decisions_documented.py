"""docs/decisions.md tells every type of decision with its parameters, services, powers and who may make it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controls.authority import SCOPES_FOR
from controls.decisions import DecisionType
from controls.parameters import POWERS, Service, parameters_of
from controls.proposals import ENDING, EXPIRING, UNDOING

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "decisions.md").read_text(encoding="utf-8")
ROWS = {row.split("`")[1]: row for row in TEXT.splitlines() if row.startswith("| `")}


@pytest.mark.parametrize("kind", list(DecisionType))
def test_every_type_has_a_row_with_its_scopes_parameters_and_end(kind: DecisionType) -> None:
    row = ROWS[kind.value]
    for word in SCOPES_FOR.get(kind, frozenset()):
        assert re.search(rf"\| [a-z, ]*\b{word}\b", row), f"{kind} does not say that {word} may"
    assert [name for name in parameters_of(kind) if f"`{name}`" not in row] == []
    ends = row.split("|")[-2].strip()
    if kind in UNDOING:
        assert ends == "at once"
    elif kind in EXPIRING:
        assert ends == "`expires_at`"
    else:
        assert ends == ("yes" if kind in ENDING else "may")


def test_every_service_and_power_is_told() -> None:
    powers = {power for held in POWERS.values() for power in held}
    assert {word for word in {*map(str, Service), *powers} if f"`{word}`" not in TEXT} == set()
