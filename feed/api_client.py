"""A client of the public API, as commands and the demo use it (law 12: they have no path of their own).

It signs its own short tokens with the local secret, which whoever may read the home folder may do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from feed.access.auth import issue_token
from feed.access.keys import load_secret
from feed.clock import Clock, SystemClock
from feed.errors import FeedError
from feed.processes.serving import address_file
from feed.settings import Settings
from feed.storage.errors import StoreInUse

_TIMEOUT = 30.0
_LIFETIME = 900
_RENEWED = 300


class ApiRefused(FeedError):
    """The API answered with a problem. ``status`` is its HTTP status, ``problem`` the stable name."""

    def __init__(self, asked: str, status: int, problem: str, detail: str) -> None:
        super().__init__(f"{asked}: {status} {problem}: {detail}")
        self.status = status
        self.problem = problem


class ApiUnreachable(FeedError):
    """Nobody answers at the address."""


class Api:
    """One service, spoken to as an administrator unless a call says as whom."""

    def __init__(
        self,
        url: str,
        secret: bytes,
        *,
        issuer: str = "",
        audience: str = "",
        clock: Clock | None = None,
        spread: bool = False,
    ) -> None:
        """``spread``: each request comes over a connection of its own, and so to any of several workers."""
        self.url = url
        self._secret = secret
        self._issuer, self._audience = issuer, audience
        self._clock = clock or SystemClock()
        kept = httpx.Limits(max_keepalive_connections=0) if spread else httpx.Limits()
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT, trust_env=False, limits=kept)
        self._tokens: dict[tuple[str, ...], tuple[str, int]] = {}

    @classmethod
    def of(cls, settings: Settings, url: str) -> Self:
        """The service at an address, by a home folder's secret."""
        secret = load_secret(settings)
        issuer, audience = settings.token_issuer, settings.token_audience
        return cls(url, secret, issuer=issuer, audience=audience, spread=settings.workers > 1)

    @classmethod
    def beside(cls, settings: Settings, busy: StoreInUse) -> Self:
        """The service that owns a store; raises ``busy`` when it did not say where it is, or tokens are not local."""
        try:
            url = address_file(settings).read_text(encoding="utf-8").strip()
        except OSError:
            raise busy from None
        if not url or not settings.local_tokens:
            raise busy
        return cls.of(settings, url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def token(self, subject: str, *scopes: str) -> str:
        """A token for a subject, the same one for some minutes."""
        now = self._clock.now()
        known = self._tokens.get((subject, *scopes))
        if known is None or known[1] < now + _RENEWED:
            signed = issue_token(
                self._secret,
                subject,
                scopes,
                now,
                lifetime=_LIFETIME,
                token_issuer=self._issuer,
                token_audience=self._audience,
            )
            known = self._tokens[(subject, *scopes)] = (signed, now + _LIFETIME)
        return known[0]

    def ask(
        self,
        method: str,
        path: str,
        *,
        as_: tuple[str, ...] = ("operator", "admin"),
        json: object | None = None,
        query: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        media: str = "",
    ) -> httpx.Response:
        """One request as (subject, scope, …); the answer whatever its status. Raises ``ApiUnreachable``."""
        headers = {"Authorization": f"Bearer {self.token(*as_)}"}
        if media:
            headers["Content-Type"] = media
        try:
            return self._http.request(method, path, json=json, params=query, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise ApiUnreachable(
                f"{self.url} does not answer ({type(error).__name__}); is the server running?"
            ) from error

    def get(self, path: str, *, as_: tuple[str, ...] = ("operator", "admin"), **query: str | int) -> Any:
        """A document; raises ``ApiRefused`` for a problem."""
        return _document(self.ask("GET", path, as_=as_, query=query))

    def send(
        self, method: str, path: str, document: object | None = None, *, as_: tuple[str, ...] = ("operator", "admin")
    ) -> Any:
        """A change; the answer's document, or ``ApiRefused``."""
        return _document(self.ask(method, path, as_=as_, json=document))

    def activate(self, version: str, reason: str, *, force: bool = False, evidence: Sequence[str] = ()) -> Any:
        """Let a model serve."""
        asked = {"reason": reason, "force": force, "evidence": list(evidence)}
        return self.send("POST", f"/v1/models/{version}/activate", asked)

    def draft(self, text: str) -> Any:
        """Store a policy draft, in YAML or JSON."""
        return _document(self.ask("POST", "/v1/policy/drafts", body=text.encode(), media="application/yaml"))

    def events(self, events: Sequence[Mapping[str, object]]) -> Any:
        """Report events of any readers."""
        return self.send("POST", "/v1/events", {"events": list(events)}, as_=("demo-app", "events"))


def _document(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json()
    asked = f"{answer.request.method} {answer.request.url.path}"
    try:
        problem = answer.json()
        name, detail = str(problem.get("type", "")).rsplit("/", 1)[-1], str(problem.get("detail", ""))
    except ValueError:
        name, detail = "no-problem-document", answer.text[:200]
    raise ApiRefused(asked, answer.status_code, name, detail)
