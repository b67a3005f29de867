"""``python -m benchmarks.first_minutes``: what grown rows and exploration do for what is new, and what they cost.

The same simulated community lives through the same twenty minutes four times: without and with rows for newcomers,
without and with exploration. The oracle knows what would please each reader; regret is held against it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace

from experiments.first_minutes import CONDITIONS, FirstMinutes, Setting, measure

_HEAD = {
    "items": "new items",
    "exposed": "exposed",
    "median_seconds": "median wait, s",
    "late_seconds": "90th percentile, s",
    "heard": "heard by 5",
    "clicks_on_new": "clicks on new a page",
    "pleased": "relevance",
    "regret": "regret",
    "explored": "explored",
}


def table(measured: Mapping[str, FirstMinutes]) -> str:
    """The runs side by side, as a Markdown table."""
    lines = ["| | " + " | ".join(_HEAD[field.name] for field in fields(FirstMinutes)) + " |"]
    lines.append("|---" * (len(_HEAD) + 1) + "|")
    for name, one in measured.items():
        values = (getattr(one, field.name) for field in fields(FirstMinutes))
        told = (f"{value:.4f}" if isinstance(value, float) and value < 1 else f"{value:g}" for value in values)
        lines.append(f"| {name} | " + " | ".join(told) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    usual = Setting()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_minutes", description=__doc__)
    parser.add_argument("--seconds", type=int, default=usual.seconds, help="simulated seconds of the present")
    parser.add_argument("--seed", type=int, default=usual.seed, help="the community")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    asked = parser.parse_args(arguments)
    setting = replace(usual, seconds=asked.seconds, seed=asked.seed)
    measured = {name: measure(setting, conditions) for name, conditions in CONDITIONS.items()}
    if asked.json:
        print(json.dumps({name: asdict(one) for name, one in measured.items()}, indent=2))
    else:
        print(table(measured))


if __name__ == "__main__":
    main()
