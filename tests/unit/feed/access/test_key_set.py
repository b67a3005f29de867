"""The issuer's key set over HTTP: read from a real server, on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from feed.access.keys import KeySet
from feed.settings import Settings


def published(kid: str) -> bytes:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    key = {**json.loads(jwt.get_algorithm_by_name("EdDSA").to_jwk(public)), "kid": kid}
    return json.dumps({"keys": [key]}).encode()


class Issuer:
    """An issuer that answers as it is told."""

    status = 200
    body = b""

    def __init__(self) -> None:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(issuer.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(issuer.body)))
                self.end_headers()
                self.wfile.write(issuer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


def test_keys_are_fetched_and_a_change_is_told(issuer):
    keys = KeySet(Settings(jwks_url=issuer.url))
    issuer.body = published("one")
    assert anyio.run(keys.refresh)
    assert not anyio.run(keys.refresh)
    assert keys.find("one", "EdDSA") is not None
    issuer.body = published("two")
    assert anyio.run(keys.refresh)
    assert keys.find("one", "EdDSA") is None
    assert keys.find("two", "EdDSA") is not None


def test_a_key_that_changed_under_its_id_is_a_change(issuer):
    keys = KeySet(Settings(jwks_url=issuer.url))
    issuer.body = published("one")
    anyio.run(keys.refresh)
    issuer.body = published("one")
    assert anyio.run(keys.refresh)


@pytest.mark.parametrize(("status", "body"), [(404, b""), (302, b""), (200, b"<html>"), (200, b"x" * (2 << 20))])
def test_what_is_no_key_set_leaves_the_old_keys_and_is_told(issuer, status, body):
    keys = KeySet(Settings(jwks_url=issuer.url))
    issuer.body = published("one")
    anyio.run(keys.refresh)
    issuer.status, issuer.body = status, body
    assert not anyio.run(keys.refresh)
    assert keys.find("one", "EdDSA") is not None
    assert issuer.url in keys.failure
    issuer.status, issuer.body = 200, published("two")
    assert anyio.run(keys.refresh)
    assert keys.failure == ""


def test_an_issuer_that_is_not_there_leaves_the_old_keys():
    issuer = Issuer()
    keys = KeySet(Settings(jwks_url=issuer.url))
    issuer.body = published("one")
    anyio.run(keys.refresh)
    issuer.close()
    assert not anyio.run(keys.refresh)
    assert keys.find("one", "EdDSA") is not None
    assert keys.failure
