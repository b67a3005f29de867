"""Tokens that try to be verified in another way than they may (RFC 8725), and credentials that are no longer good."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from feed.access.auth import anonymous
from feed.access.keys import digest_of, new_api_key
from feed.errors import KeyRefused, TokenExpired, TokenInvalid
from feed.settings import Settings
from tests.unit.feed.access.test_auth import EC_KEY, ED_KEY, RSA_KEY, SECRET, Place, jwk
from tests.unit.feed.access.test_key_set import Issuer

CLAIMS = {"sub": "r1", "scope": "admin"}
NOWHERE = "http://127.0.0.1:9/keys"


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def made(header: object, claims: object, key: bytes) -> str:
    """A token of any parts, with an HS256 signature by a key."""
    body = f"{part(header)}.{part(claims)}"
    return f"{body}.{part(hmac.digest(key, body.encode(), 'sha256'))}"


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def trusting(tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(
        json.dumps({"keys": [jwk(RSA_KEY, "RS256", "r"), jwk(EC_KEY, "ES256", "e"), jwk(ED_KEY, "EdDSA", "d")]})
    )
    return Place(jwks_file=file)


def refused(place: Place, token: str, *said: str) -> None:
    with pytest.raises(TokenInvalid) as caught:
        place.caller(token)
    assert token not in str(caught.value)
    assert all(word in str(caught.value) for word in said)


@pytest.mark.parametrize("kid", ["r", "e", "d", "", None])
@pytest.mark.parametrize("local", [True, False])
def test_no_public_key_in_any_form_is_taken_as_a_shared_secret(tmp_path, trusting, local, kid):
    if not local:
        trusting = Place(jwks_file=tmp_path / "jwks.json", local_tokens=False)
    header = {"alg": "HS256"} | ({} if kid is None else {"kid": kid})
    claims = {**CLAIMS, "exp": trusting.clock.now() + 60}
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    for key in (RSA_KEY, EC_KEY, ED_KEY):
        public: Any = key.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, info)
        forms = [pem, pem.strip(), pem.replace(b"\n", b""), public.public_bytes(serialization.Encoding.DER, info)]
        for form in [*forms, b"", b"null", b"{}"]:
            refused(trusting, made(header, claims, form))


@pytest.mark.parametrize(
    "kid",
    ["../../../../etc/passwd", "/dev/null", "r' OR '1'='1", "r\0", "${jndi:ldap://x}", "x" * 4000, "R", " r", NOWHERE],
)
def test_a_key_id_is_looked_up_among_the_issuers_and_nowhere_else(trusting, kid):
    refused(trusting, trusting.signed({}, RSA_KEY, "RS256", kid=kid))
    refused(trusting, made({"alg": "RS256", "kid": kid}, {**CLAIMS, "exp": trusting.clock.now() + 60}, b""))


@pytest.mark.parametrize("kid", [7, None, ["r"], {"r": 1}, True])
def test_a_key_id_that_is_no_text_is_refused(trusting, kid):
    refused(trusting, made({"alg": "RS256", "kid": kid}, {**CLAIMS, "exp": trusting.clock.now() + 60}, b""))


def test_keys_that_a_token_brings_or_points_at_are_not_read(trusting):
    """What is fetched would be fetched from nowhere; what is trusted would make the attacker's signature hold."""
    theirs = ec.generate_private_key(ec.SECP256R1())
    for header in (
        {"jwk": jwk(theirs, "ES256", "e")},
        {"jku": NOWHERE},
        {"x5u": NOWHERE},
        {"x5c": ["MIIB"], "x5t": "AA"},
    ):
        refused(trusting, trusting.signed({}, theirs, "ES256", kid="e", **header))
        assert trusting.caller(trusting.signed({}, EC_KEY, "ES256", kid="e", **header)).subject == "r1"


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", ["x"], None, [7]])
def test_what_a_token_calls_critical_and_nobody_understands_ends_it(place, crit):
    refused(
        place,
        made({"alg": "HS256", "crit": crit, "x": 1, "b64": False}, {**CLAIMS, "exp": place.clock.now() + 60}, SECRET),
    )


@pytest.mark.parametrize("twice", ["sub", "scope", "exp", "aud", "anything"])
def test_a_claim_that_stands_there_twice_ends_the_token(place, twice):
    claims = {**CLAIMS, "exp": place.clock.now() + 60}
    text = json.dumps(claims)[:-1] + f', "{twice}": "x", "{twice}": {json.dumps(claims.get(twice, "y"))}}}'
    refused(place, made({"alg": "HS256"}, text.encode(), SECRET))


def test_an_algorithm_that_stands_there_twice_ends_the_token(place):
    header = b'{"alg": "none", "alg": "HS256"}'
    refused(place, made(header, {**CLAIMS, "exp": place.clock.now() + 60}, SECRET), "twice")


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 3000,
        b'{"a":' * 1500,
        b'{"sub":"r1","exp":' + b"9" * 5000 + b"}",
        b'{"sub":"r1","exp":1e400}',
        b'{"sub":"r1","exp":NaN}',
        b'{"sub":"r1","exp":-1}',
        b"\xff\xfe",
        b"null",
        b'"sub"',
        b"[]",
    ],
    ids=range(10),
)
def test_payloads_that_are_bombs_or_no_claims_are_refused(place, text):
    with pytest.raises((TokenInvalid, TokenExpired)):
        place.caller(made({"alg": "HS256"}, text, SECRET))
    refused(place, made(text, {**CLAIMS, "exp": place.clock.now() + 60}, SECRET))


@pytest.mark.parametrize(
    "change", ["one more part", "no signature", "two parts", "padded", "in white space", "in JSON"]
)
def test_only_the_compact_form_is_a_token(place, change):
    token = place.token()
    head, body, signature = token.split(".")
    refused(
        place,
        {
            "one more part": f"{token}.{signature}",
            "no signature": f"{head}.{body}.",
            "two parts": f"{head}.{body}",
            "padded": f"{head}.{body}.{signature}=A",
            "in white space": f"{head}. {body}.{signature}",
            "in JSON": json.dumps({"protected": head, "payload": body, "signature": signature}),
        }[change],
    )


def test_issuer_and_audience_that_are_asked_for_are_required_and_compared_whole():
    place = Place(token_issuer="https://id.example", token_audience="weir")
    right = {"iss": "https://id.example", "aud": "weir"}
    assert place.caller(place.signed(right)).subject == "r1"
    wrongs: list[dict[str, Any]] = [
        {"iss": "https://id.example/"},
        {"iss": ["https://id.example"]},
        {"iss": "HTTPS://ID.EXAMPLE"},
        {"iss": ...},
        {"aud": "wei"},
        {"aud": "weir "},
        {"aud": []},
        {"aud": {"weir": 1}},
        {"aud": ...},
    ]
    for wrong in wrongs:
        refused(place, place.signed({**right, **wrong}))


def test_a_key_that_its_issuer_took_out_ends_its_tokens_by_the_next_look_even_those_already_verified():
    issuer = Issuer()
    try:
        issuer.body = json.dumps({"keys": [jwk(RSA_KEY, "RS256", "old")]}).encode()
        place = Place(jwks_url=issuer.url)
        assert place.authenticator.issuer_failure == ""
        old = place.signed({"exp": place.clock.now() + 86_400}, RSA_KEY, "RS256", kid="old")
        assert place.caller(old).subject == "r1"
        issuer.body = json.dumps({"keys": [jwk(RSA_KEY, "RS256", "old"), jwk(EC_KEY, "ES256", "new")]}).encode()
        anyio.run(place.authenticator.refresh)
        new = place.signed({"exp": place.clock.now() + 86_400}, EC_KEY, "ES256", kid="new")
        assert place.caller(old).subject == place.caller(new).subject == "r1"
        issuer.body = json.dumps({"keys": [jwk(EC_KEY, "ES256", "new")]}).encode()
        anyio.run(place.authenticator.refresh)
        refused(place, old)
        assert place.caller(new).subject == "r1"
    finally:
        issuer.close()


def test_a_key_set_is_looked_at_as_often_as_credentials_are_forgotten():
    assert Settings().jwks_refresh <= 60 >= Settings().token_cache


def test_an_api_key_is_stored_as_a_digest_and_another_key_of_the_same_name_does_not_bring_it_back(place):
    now = place.clock.now()
    key, record = new_api_key("app", ("feed",), "app", now)
    place.store.keys.put(record).result()
    assert len(key) >= 46
    assert place.store.keys.listing()[0].digest == digest_of(key) != key
    place.store.keys.revoke("app", now).result()
    second, again = new_api_key("app", ("feed",), "app", now)
    place.store.keys.put(again).result()
    assert place.caller(second).subject == "app"
    with pytest.raises(KeyRefused):
        place.caller(key)
    for near in (key[:-1], key + "A", key.swapcase(), digest_of(second), "wk_" + digest_of(second)):
        with pytest.raises((KeyRefused, TokenInvalid)):
            place.caller(near)


def test_whoever_guesses_pays_for_the_whole_network_they_can_call_from():
    assert anonymous("2001:db8:1:2:3:4:5:6").account == anonymous("2001:db8:1:2:ffff::1").account
    assert anonymous("2001:db8:1:3::1").account != anonymous("2001:db8:1:2::1").account
    assert anonymous("::ffff:192.0.2.1").account == anonymous("192.0.2.1").account
    assert anonymous("192.0.2.1").account != anonymous("192.0.2.2").account
    assert anonymous("fe80::1%eth0").account
    assert anonymous("not:an:address").account == "address not:an:address"
