"""Policies, models and keys: small registers that are read back as they were written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feed.storage.errors import RecordRefused
from feed.storage.records import KeyRecord, ModelRecord

MODEL = ModelRecord("v1", "spectral", "v1.graph", '{"recall@20":0.19}', 100)
KEY = KeyRecord("0f" * 32, "importer", ("events", "editor"), "svc", 100, expires_at=500)


def test_a_policy_is_found_by_its_content_hash(store):
    store.policies.put("sha-1", '{"name":"community-rules"}', 100).result()
    store.policies.put("sha-1", '{"name":"something else"}', 200).result()
    assert store.policies.get("sha-1") == '{"name":"community-rules"}'
    assert store.policies.get("sha-2") is None


def test_models_are_listed_newest_first(store):
    for model in (MODEL, replace(MODEL, version="v3", created_at=300), replace(MODEL, version="v2", created_at=200)):
        store.models.put(model).result()
    assert [model.version for model in store.models.listing()] == ["v3", "v2", "v1"]
    assert store.models.get("v1") == MODEL
    assert store.models.get("v9") is None


def test_registering_a_model_again_replaces_what_is_known_of_it(store):
    store.models.put(MODEL).result()
    store.models.put(replace(MODEL, file="moved.graph")).result()
    assert store.models.listing() == [replace(MODEL, file="moved.graph")]


def test_a_key_is_found_by_the_digest_of_its_secret(store):
    forever = KeyRecord("aa" * 32, "forever", (), "svc", 200)
    store.keys.put(KEY).result()
    store.keys.put(forever).result()
    assert store.keys.get(KEY.digest) == KEY
    assert store.keys.get("00" * 32) is None
    assert store.keys.listing() == [forever, KEY]


def test_a_key_that_is_stored_already_is_refused(store):
    store.keys.put(KEY).result()
    with pytest.raises(RecordRefused):
        store.keys.put(replace(KEY, name="another")).result()
    assert store.keys.listing() == [KEY]


def test_revoking_a_name_revokes_all_its_keys_once(store):
    second = replace(KEY, digest="bb" * 32)
    other = replace(KEY, digest="cc" * 32, name="other")
    for key in (KEY, second, other):
        store.keys.put(key).result()
    assert store.keys.revoke("importer", 300).result() == 2
    assert store.keys.revoke("importer", 400).result() == 0
    assert store.keys.get(KEY.digest) == replace(KEY, revoked_at=300)
    assert store.keys.get(other.digest) == other
