from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any, get_args

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from controls.scopes import AgeClass, Audience
from feed.access.auth import Authenticator, issue_token
from feed.access.caller import SCOPES, Caller
from feed.access.keys import KeySet, new_api_key
from feed.clock import ManualClock
from feed.errors import (
    FeedError,
    KeyRefused,
    NotAuthenticated,
    NotYours,
    ScopeMissing,
    SetupInvalid,
    TokenExpired,
    TokenInvalid,
)
from feed.schemas.models import ScopeWord
from feed.settings import Settings
from feed.storage.memory import MemoryStore

SECRET = b"a secret of more than thirty-two bytes"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, algorithm: str, kid: str) -> dict[str, Any]:
    described = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())
    return {**json.loads(described), "kid": kid, "use": "sig"}


def key_set() -> dict[str, Any]:
    return {"keys": [jwk(RSA_KEY, "RS256", "r"), jwk(EC_KEY, "ES256", "e"), jwk(ED_KEY, "EdDSA", "d")]}


class Place:
    """An authenticator with its clock and store."""

    def __init__(self, **given: Any) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        settings = Settings(**given)
        self.authenticator = Authenticator(settings, SECRET, KeySet(settings), self.store.keys, self.clock)

    def caller(self, credential: str | bytes | None) -> Caller:
        header = None
        if credential is not None:
            header = b"Bearer " + (credential if isinstance(credential, bytes) else credential.encode())
        return anyio.run(self.authenticator.authenticate, header, "192.0.2.1")

    def token(self, scopes: tuple[str, ...] = ("reader",), **more: Any) -> str:
        return issue_token(SECRET, more.pop("subject", "r1"), scopes, self.clock.now(), **more)

    def signed(self, claims: Mapping[str, Any], key: Any = SECRET, algorithm: str = "HS256", **header: Any) -> str:
        whole = {"sub": "r1", "scope": "reader", "exp": self.clock.now() + 60, **claims}
        payload = json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()
        return jwt.PyJWS().encode(payload, key, algorithm, headers=header or None)


@pytest.fixture
def place():
    return Place()


@pytest.fixture
def trusting(tmp_path):
    """A place that also trusts an issuer's key set."""
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(key_set()))
    place = Place(jwks_file=file)
    return place


def test_a_local_token_says_who_its_caller_is(place):
    audience = Audience("DE", AgeClass.ADULT, "de")
    caller = place.caller(place.token(("reader", "author"), audience=audience))
    assert caller.subject == "r1"
    assert caller.scopes == {"reader", "author"}
    assert caller.audience == audience
    assert caller.personal


def test_without_credentials_the_caller_is_anonymous_and_may_nothing(place):
    caller = place.caller(None)
    assert caller.anonymous
    with pytest.raises(NotAuthenticated):
        caller.require("feed")


def test_scopes_that_do_not_exist_open_nothing(place):
    assert place.caller(place.signed({"scope": "reader root *"})).scopes == {"reader"}


def test_scopes_may_be_a_list(place):
    assert place.caller(place.signed({"scope": ..., "scopes": ["feed", "events", 7]})).scopes == {"feed", "events"}


def test_audience_claims_that_mean_nothing_leave_it_unknown(place):
    senseless = {"age": "ancient", "region": "everywhere", "lang": ["de"], "role": "\ud800"}
    caller = place.caller(place.signed(senseless))
    assert caller.audience == Audience()
    assert caller.role == "reader"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": ...},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 201},
        {"sub": "r1\n"},
        {"sub": "https://id.example/readers/1"},
        {"sub": "\ud800"},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 10**300},
        {"nbf": "later"},
    ],
)
def test_tokens_with_missing_or_senseless_claims_are_refused(place, claims):
    with pytest.raises(TokenInvalid):
        place.caller(place.signed(claims))


def test_a_token_ends_thirty_seconds_after_its_expiry(place):
    token = place.token(lifetime=100)
    place.clock.advance(129)
    place.caller(token)
    place.clock.advance(1)
    with pytest.raises(TokenExpired):
        place.caller(token)


def test_a_remembered_token_still_ends_when_it_expires(place):
    token = place.token(lifetime=10)
    place.caller(token)
    place.clock.advance(41)
    with pytest.raises(TokenExpired):
        place.caller(token)


def test_a_token_that_is_not_valid_yet_is_refused(place):
    with pytest.raises(TokenExpired):
        place.caller(place.signed({"nbf": place.clock.now() + 31}))
    assert place.caller(place.signed({"nbf": place.clock.now() + 30})).subject == "r1"


def test_a_token_signed_with_another_secret_is_refused(place):
    with pytest.raises(TokenInvalid):
        place.caller(place.signed({}, key=b"another secret of more than 32 bytes"))


def unsigned(claims: Mapping[str, Any], algorithm: str, **header: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT", **header}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "HS384", "", "RS256"])
def test_unsigned_tokens_are_refused_whatever_they_claim(trusting, algorithm):
    claims = {"sub": "r1", "scope": "admin", "exp": trusting.clock.now() + 60}
    with pytest.raises(TokenInvalid):
        trusting.caller(unsigned(claims, algorithm))


@pytest.mark.parametrize("form", ["pem", "der", "jwk"])
def test_a_public_key_is_no_shared_secret(trusting, form):
    """The confusion of algorithms: HS256, keyed with the bytes of the issuer's public RSA key."""
    public, subject_info = RSA_KEY.public_key(), serialization.PublicFormat.SubjectPublicKeyInfo
    described = {
        "pem": public.public_bytes(serialization.Encoding.PEM, subject_info),
        "der": public.public_bytes(serialization.Encoding.DER, subject_info),
        "jwk": json.dumps(jwk(RSA_KEY, "RS256", "r")).encode(),
    }[form]
    claims = {"sub": "r1", "scope": "admin", "exp": trusting.clock.now() + 60}
    body = unsigned(claims, "HS256", kid="r").rstrip(".")
    signature = base64.urlsafe_b64encode(hmac.digest(described, body.encode(), "sha256")).decode().rstrip("=")
    with pytest.raises(TokenInvalid):
        trusting.caller(f"{body}.{signature}")


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA_KEY, "RS256", "r"), (EC_KEY, "ES256", "e"), (ED_KEY, "EdDSA", "d")]
)
def test_the_issuers_keys_are_trusted_each_with_its_algorithm(trusting, key, algorithm, kid):
    assert trusting.caller(trusting.signed({}, key, algorithm, kid=kid)).subject == "r1"


def test_without_a_key_id_the_only_key_of_the_algorithm_is_taken(trusting):
    assert trusting.caller(trusting.signed({}, EC_KEY, "ES256")).subject == "r1"


@pytest.mark.parametrize(("algorithm", "kid"), [("RS512", "r"), ("PS256", "r"), ("RS256", "e"), ("RS256", "gone")])
def test_other_algorithms_and_keys_of_the_issuer_are_refused(trusting, algorithm, kid):
    with pytest.raises(TokenInvalid):
        trusting.caller(trusting.signed({}, RSA_KEY, algorithm, kid=kid))


def test_a_foreign_key_under_a_known_id_is_refused(trusting):
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(TokenInvalid):
        trusting.caller(trusting.signed({}, foreign, "RS256", kid="r"))


def test_local_tokens_can_be_switched_off(tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(key_set()))
    place = Place(jwks_file=file, local_tokens=False)
    with pytest.raises(TokenInvalid):
        place.caller(place.token())


def test_issuer_and_audience_are_held_when_they_are_set():
    place = Place(token_issuer="https://id.example", token_audience="weir")
    right = {"iss": "https://id.example", "aud": ["weir", "other"]}
    assert place.caller(place.signed(right)).subject == "r1"
    for wrong in ({**right, "iss": "https://evil.example"}, {**right, "aud": "other"}, {"aud": "weir"}, {}):
        with pytest.raises(TokenInvalid):
            place.caller(place.signed(wrong))


def test_a_token_for_another_audience_is_refused_when_none_is_set(place):
    with pytest.raises(TokenInvalid):
        place.caller(place.signed({"aud": "another service"}))


def test_a_rotated_key_set_is_followed_and_old_keys_end(tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [jwk(RSA_KEY, "RS256", "old")]}))
    place = Place(jwks_file=file)
    old = place.signed({}, RSA_KEY, "RS256", kid="old")
    assert place.caller(old).subject == "r1"
    file.write_text(json.dumps({"keys": [jwk(EC_KEY, "ES256", "new")]}))
    place.clock.advance(11)
    assert place.caller(place.signed({}, EC_KEY, "ES256", kid="new")).subject == "r1"
    with pytest.raises(TokenInvalid):
        place.caller(old)


def test_a_key_set_that_cannot_be_read_leaves_the_old_keys_in_place(trusting, tmp_path):
    (tmp_path / "jwks.json").write_text("{")
    anyio.run(trusting.authenticator.refresh)
    assert trusting.caller(trusting.signed({}, EC_KEY, "ES256", kid="e")).subject == "r1"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        '{"keys": [{"kty": "RSA"}]}',
        json.dumps({"keys": [json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(EC_KEY))]}),
        json.dumps({"keys": [jwk(rsa.generate_private_key(public_exponent=65537, key_size=1024), "RS256", "small")]}),
    ],
)
def test_key_sets_that_are_none_or_hold_secrets_are_refused_at_start(tmp_path, text):
    file = tmp_path / "jwks.json"
    file.write_text(text)
    with pytest.raises(SetupInvalid):
        Place(jwks_file=file)


def test_keys_of_other_kinds_and_uses_are_passed_over(tmp_path):
    file = tmp_path / "jwks.json"
    other = {**jwk(RSA_KEY, "RS256", "x"), "use": "enc"}
    p384 = json.loads(jwt.get_algorithm_by_name("ES384").to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key()))
    file.write_text(json.dumps({"keys": [other, p384, jwk(ED_KEY, "EdDSA", "d")]}))
    place = Place(jwks_file=file)
    assert place.caller(place.signed({}, ED_KEY, "EdDSA", kid="d")).subject == "r1"
    with pytest.raises(TokenInvalid):
        place.caller(place.signed({}, RSA_KEY, "RS256", kid="x"))


def test_an_api_key_acts_with_its_scopes_until_it_is_revoked(place):
    key, record = new_api_key("backend", ("feed", "events"), "backend", place.clock.now())
    place.store.keys.put(record).result()
    caller = place.caller(key)
    assert (caller.subject, caller.scopes, caller.personal) == ("backend", {"feed", "events"}, False)
    place.store.keys.revoke("backend", place.clock.now()).result()
    place.authenticator.flush()
    with pytest.raises(KeyRefused):
        place.caller(key)


def test_a_revoked_key_is_refused_within_a_minute_even_elsewhere(place):
    key, record = new_api_key("backend", ("feed",), "backend", place.clock.now())
    place.store.keys.put(record).result()
    place.caller(key)
    place.store.keys.revoke("backend", place.clock.now()).result()
    place.clock.advance(60)
    with pytest.raises(KeyRefused):
        place.caller(key)


def test_an_api_key_expires(place):
    key, record = new_api_key("backend", ("feed",), "backend", place.clock.now(), place.clock.now() + 30)
    place.store.keys.put(record).result()
    place.caller(key)
    place.clock.advance(30)
    with pytest.raises(KeyRefused):
        place.caller(key)


def test_only_the_digest_of_an_api_key_is_in_its_record():
    key, record = new_api_key("backend", ("feed",), "backend", 0)
    assert key not in repr(record)
    assert key[3:] not in repr(record)


def test_an_unknown_api_key_is_refused(place):
    with pytest.raises(KeyRefused):
        place.caller("wk_" + "a" * 43)


@pytest.mark.parametrize("header", [b"", b"Basic dTpw", b"Bearer", b"bearer", b"Token abc"])
def test_other_kinds_of_credentials_are_refused(place, header):
    with pytest.raises(NotAuthenticated):
        anyio.run(place.authenticator.authenticate, header, "192.0.2.1")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_credentials(credential):
    with pytest.raises(NotAuthenticated):
        Place().caller(credential)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5), st.data())
def test_no_claim_breaks_the_reader_of_tokens(value, data):
    place = Place()
    claim = data.draw(st.sampled_from(["sub", "exp", "nbf", "iat", "scope", "aud", "iss", "region", "age", "role"]))
    try:
        place.caller(place.signed({claim: value}))
    except FeedError as refused:
        assert isinstance(refused, NotAuthenticated)


def test_a_token_that_is_too_long_is_not_looked_at(place):
    with pytest.raises(TokenInvalid, match="longer"):
        place.caller(place.signed({"padding": "x" * 9000}))


def test_errors_do_not_repeat_the_credential(place):
    token = place.signed({}, key=b"another secret of more than 32 bytes")
    with pytest.raises(TokenInvalid) as refused:
        place.caller(token)
    assert token not in str(refused.value)
    assert token.split(".")[2] not in repr(refused.value)


def test_an_admin_may_everything_and_others_only_their_scopes(place):
    admin, editor = place.caller(place.token(("admin",))), place.caller(place.token(("editor",)))
    for scope in SCOPES:
        admin.require(scope)
    editor.require("editor", "moderator")
    with pytest.raises(ScopeMissing, match="moderator"):
        editor.require("moderator")


def test_a_personal_token_reaches_only_its_own(place):
    caller = place.caller(place.token(("reader",), subject="r1"))
    caller.require_own("reader", "r1", "feed")
    with pytest.raises(NotYours):
        caller.require_own("reader", "r2", "feed")
    with pytest.raises(ScopeMissing):
        caller.require_own("author", "r1")
    place.caller(place.token(("feed",))).require_own("reader", "r2", "feed")


def test_a_token_is_not_issued_for_an_unknown_scope():
    with pytest.raises(ValueError, match="unknown scopes root"):
        issue_token(SECRET, "r1", ("root",), 0)


def test_the_wire_knows_the_same_scopes():
    assert get_args(ScopeWord) == tuple(SCOPES)
