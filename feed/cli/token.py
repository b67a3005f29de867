"""``weir token``: credentials for the API: signed tokens, and hashed API keys."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Annotated, Any
from urllib.parse import quote

import typer

from controls.scopes import AgeClass
from feed.cli.failures import BadInput, CommandFailed
from feed.cli.speaking import Home, Json, print_json, settings_for
from feed.storage.errors import StoreInUse

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TOKEN_SECONDS = 3600


def seconds(text: str) -> int:
    """A time such as ``90s``, ``15m``, ``12h`` or ``30d`` in seconds; raises BadInput."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if found is None or int(found[1]) == 0:
        raise BadInput(f"--ttl {text!r} is no time; write for example 90s, 15m, 12h or 30d")
    return int(found[1]) * _UNITS[found[2]]


def token(
    scopes: Annotated[list[str] | None, typer.Argument(help="Scopes to carry; `weir token` lists them.")] = None,
    subject: Annotated[str, typer.Option(help="Who it speaks for; a reader's or author's own id.")] = "",
    ttl: Annotated[str, typer.Option(help="How long it holds: 90s, 15m, 12h, 30d. [1h; keys: for ever]")] = "",
    region: Annotated[str, typer.Option(help="Region claim, such as DE.")] = "",
    age: Annotated[AgeClass | None, typer.Option(help="Age class claim.")] = None,
    language: Annotated[str, typer.Option(help="Language claim, such as de.")] = "",
    role: Annotated[str, typer.Option(help="Role that decisions record; the widest scope by default.")] = "",
    key: Annotated[str, typer.Option(metavar="NAME", help="Make an API key of this name in place of a token.")] = "",
    revoke: Annotated[str, typer.Option(metavar="NAME", help="Revoke all API keys of this name.")] = "",
    home: Home = None,
    json: Json = False,
) -> None:
    """Issue a signed token, or make or revoke an API key. What is printed is the secret itself, and only once."""
    from feed.access.caller import PERSONAL, SCOPES

    if revoke:
        if key or scopes:
            raise BadInput("--revoke takes a name and nothing else; make a key with another command")
        _revoke(revoke, home, json)
        return
    named = tuple(dict.fromkeys(scopes or ()))
    known = "; ".join(f"{scope} ({opens})" for scope, opens in SCOPES.items())
    if not named:
        raise BadInput(f"name at least one scope: {known}")
    unknown = [scope for scope in named if scope not in SCOPES]
    if unknown:
        raise BadInput(f"there is no scope {unknown[0]!r}; there are: {known}")
    if not subject and PERSONAL.intersection(named):
        raise BadInput("--subject is missing: a reader or author token reaches the id that is its subject")
    _check(subject=subject, key=key, region=region, language=language)
    who = subject or key or "operator"
    if key:
        _make_key(key, named, who, seconds(ttl) if ttl else None, home, json)
    else:
        _issue(named, who, seconds(ttl) if ttl else _TOKEN_SECONDS, region, age, language, role, home, json)


def _check(**given: str) -> None:
    """Raise BadInput for a claim that no server would take."""
    from pydantic import TypeAdapter, ValidationError

    from feed.schemas.fields import ID_RULE, Language, OptionalId, Region

    rules: dict[str, tuple[Any, str]] = {
        "subject": (OptionalId, ID_RULE),
        "key": (OptionalId, ID_RULE),
        "region": (Region, "an ISO 3166-1 code of two capital letters, such as DE"),
        "language": (Language, "an ISO 639 code of two or three small letters, such as de"),
    }
    for name, value in given.items():
        rule, said = rules[name]
        try:
            TypeAdapter(rule).validate_python(value)
        except ValidationError:
            raise BadInput(f"--{name} {value!r} does not hold; give {said}") from None


def _issue(
    scopes: tuple[str, ...],
    subject: str,
    lifetime: int,
    region: str,
    age: AgeClass | None,
    language: str,
    role: str,
    home: Home,
    json: bool,
) -> None:
    from controls.scopes import EVERYWHERE, Audience
    from feed.access.auth import issue_token
    from feed.access.keys import load_secret
    from feed.clock import SystemClock

    settings = settings_for(home)
    if not settings.local_tokens:
        raise CommandFailed("WEIR_LOCAL_TOKENS is off, so no server would accept it; get one from your issuer")
    now = SystemClock().now()
    issued = issue_token(
        load_secret(settings),
        subject,
        scopes,
        now,
        lifetime=lifetime,
        audience=Audience(region or EVERYWHERE, age or AgeClass.UNKNOWN, language or EVERYWHERE),
        role=role,
        token_issuer=settings.token_issuer,
        token_audience=settings.token_audience,
    )
    if json:
        print_json({"token": issued, "subject": subject, "scopes": scopes, "expires_at": now + lifetime})
    else:
        typer.echo(issued)


def _make_key(name: str, scopes: tuple[str, ...], subject: str, lifetime: int | None, home: Home, json: bool) -> None:
    from feed.access.keys import new_api_key
    from feed.api_client import Api
    from feed.clock import SystemClock
    from feed.stores import open_store

    settings, now = settings_for(home), SystemClock().now()
    expires_at = None if lifetime is None else now + lifetime
    told: dict[str, Any] = {"name": name, "subject": subject, "scopes": scopes, "expires_at": expires_at}
    try:
        store = open_store(settings)
    except StoreInUse as busy:
        with Api.beside(settings, busy) as api:
            told["key"] = api.send("POST", "/v1/keys", told)["key"]
    else:
        with closing(store):
            if any(record.name == name and record.revoked_at is None for record in store.keys.listing()):
                raise CommandFailed(f"a key named {name} is in force; revoke it first: weir token --revoke {name}")
            told["key"], made = new_api_key(name, scopes, subject, now, expires_at)
            store.keys.put(made).result()
    if json:
        print_json(told)
    else:
        typer.echo(told["key"])


def _revoke(name: str, home: Home, json: bool) -> None:
    from feed.api_client import Api
    from feed.clock import SystemClock
    from feed.stores import open_store

    settings = settings_for(home)
    try:
        store = open_store(settings)
    except StoreInUse as busy:
        with Api.beside(settings, busy) as api:
            count = int(api.send("DELETE", f"/v1/keys/{quote(name, safe='')}")["revoked"])
    else:
        with closing(store):
            count = store.keys.revoke(name, SystemClock().now()).result()
    if not count:
        raise CommandFailed(f"no API key named {name} is in force; nothing was revoked")
    if json:
        print_json({"name": name, "revoked": count})
    else:
        typer.echo(f"{count} API keys named {name} are revoked")
