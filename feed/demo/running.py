"""Running the demo: a prepared home folder, a server on it, live traffic, and lines to paste."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from urllib.parse import quote

from feed.access.auth import issue_token
from feed.access.keys import load_secret
from feed.api_client import Api
from feed.clock import Clock
from feed.demo.preparing import Prepared
from feed.demo.traffic import Traffic
from feed.processes.serving import run
from feed.settings import Settings

_TOKEN_SECONDS = 12 * 3600
_PIN_SECONDS = 3600


def run_demo(settings: Settings, prepared: Prepared, clock: Clock, say: Callable[[str], None]) -> None:
    """Serve with live traffic until Ctrl-C; then tell what the traffic was."""
    started: list[Traffic] = []

    def ready(url: str) -> None:
        for line in invitation(url, settings, prepared, clock):
            say(line)
        readers = prepared.readers or prepared.world.readers
        traffic = Traffic(Api.of(settings, url), prepared.world, readers, clock, publishing=prepared.publishing)
        started.append(traffic)
        traffic.start()

    say("starting; the first start after an installation or an update compiles the ranking, which can take a minute")
    try:
        run(settings, ready)
    finally:
        for traffic in started:
            traffic.stop()
            told = ", ".join(f"{number} {name}" for name, number in sorted(traffic.counts.items()))
            say(f"stopped; simulated readers made {told or 'nothing'}; the folder {settings.home} can be started again")


def invitation(url: str, settings: Settings, prepared: Prepared, clock: Clock) -> list[str]:
    """URLs, and curl lines for a reader, an editor and a reader who opted out."""
    secret, now = load_secret(settings), clock.now()

    def bearer(subject: str, *scopes: str) -> str:
        token = issue_token(
            secret,
            subject,
            scopes,
            now,
            lifetime=_TOKEN_SECONDS,
            token_issuer=settings.token_issuer,
            token_audience=settings.token_audience,
        )
        return f"-H 'Authorization: Bearer {token}'"

    reader, other = (*prepared.readers, "reader-one", "reader-two")[:2]
    json = "-H 'Content-Type: application/json'"
    pin = (
        '{"type": "pin", "subject": {"kind": "item", "id": "' + prepared.example + '"}, "parameters": {"position": 0},'
        ' "reason": "our guide", "basis": {"kind": "editorial", "clause": "2.1"},'
        f' "expires_at": {now + _PIN_SECONDS}}}'
    )
    choice = '{"personalization": false}'
    return [
        "",
        f"Weir serves {prepared.items} items at {url}; simulated readers are using it. Ctrl-C stops it.",
        "",
        f"  handbook   {url}/docs",
        f"  policy     {url}/v1/policy",
        f"  health     {url}/readyz",
        f"  metrics    {url}/metrics",
        "",
        f"A reader, {reader}:",
        f"  curl -s {bearer(reader, 'reader')} '{url}/v1/feed?limit=5'",
        "",
        "An editor pins an item at the top for an hour (ask the feed again to see it):",
        f"  curl -s -X POST {bearer('demo-editor', 'editor')} {json} -d {shlex.quote(pin)} {url}/v1/decisions",
        "",
        f"Another reader, {other}, opts out, and gets what all get who opted out and hid the same:",
        f"  curl -s -X PATCH {bearer(other, 'reader')} {json} -d {shlex.quote(choice)}"
        f" {url}/v1/readers/{other}/settings",
        f"  curl -s {bearer(other, 'reader')} '{url}/v1/feed?limit=5'",
        "",
        "Pages name items by id; what is behind one:",
        f"  curl -s {bearer(reader, 'reader')} {url}/v1/items/{quote(prepared.example, safe='')}",
        "",
    ]
