"""``weir doctor``: is everything in place to serve, and if not, what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from feed.cli.failures import CommandFailed
from feed.cli.speaking import Home, Json, print_json, print_table, settings_for


def doctor(
    home: Home = None,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Migrate a store of an earlier release first.")] = False,
    json: Json = False,
) -> None:
    """Check settings, store, model, clock, permissions, disk and port. Exit code 1 if anything must be done first."""
    from feed.clock import SystemClock
    from feed.operations.diagnosis import diagnose, upgrade_store
    from feed.operations.findings import Level

    if upgrade:
        upgrade_store(settings_for(home))
    findings = diagnose(lambda: settings_for(home), SystemClock())
    wrong = [finding for finding in findings if finding.level is Level.WRONG]
    if json:
        told = [
            {"check": finding.check, "level": finding.level, "seen": finding.seen, "do": finding.remedy}
            for finding in findings
        ]
        print_json({"ready": not wrong, "findings": told})
    else:
        rows = [(finding.check, finding.level.value, finding.seen, finding.remedy) for finding in findings]
        print_table("", ("check", "", "seen", "what to do"), rows)
    if wrong:
        raise CommandFailed(f"{len(wrong)} of {len(findings)} checks need something done first: {wrong[0].check}")
