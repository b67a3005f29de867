"""Model keeping: files of models that nothing needs any more are removed; the register remembers the models.

A file is needed while its model serves, while it may be gone back to, and while a Serving made with it is kept.
"""

from __future__ import annotations

import structlog

from feed.bootstrap import Service
from feed.models.activations import terms

_log = structlog.get_logger("weir")

_DAY = 86_400


def remove_spent(service: Service) -> list[str]:
    """Remove the files that are not needed; the versions removed, oldest first. Blocks.

    An activation with an end of its own may bring back any model before it, so then all files stay.
    """
    settings = service.settings
    served = terms(service.store.ledger)
    if any(term.decision.expires_at is not None for term in served):
        return []
    before = service.clock.now() - settings.servings_days * _DAY
    needed = {term.model for term in served if term.until is None or term.until >= before}
    ever = {term.model for term in served}
    newest_served = list(dict.fromkeys(term.model for term in reversed(served)))
    records = sorted(service.store.models.listing(), key=lambda record: record.created_at)
    never = [record.version for record in records if record.version not in ever]
    needed |= {*newest_served[: settings.models_kept + 1], *never[-settings.models_kept :]}
    removed = []
    for record in records:
        path = settings.models_folder / record.file
        if record.version not in needed and path.is_file():
            path.unlink(missing_ok=True)
            removed.append(record.version)
    if removed:
        _log.info("model files that nothing needs were removed", models=len(removed))
    return removed
