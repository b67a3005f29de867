"""Policies and checkpoints out of any bytes: read, or refused by their own errors, soon, in little room."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controls.checkpoints import Checkpoint, opened_checkpoint, signed_checkpoint
from controls.corpus import parse_corpus
from controls.errors import NoteError, PolicyError
from controls.lint import lint
from controls.notes import SignerKey, VerifierKey
from controls.policy import canonical, load, parse
from tests.unit.controls.mutating import little_room, mutated, refuses

NOW = 1_800_000_000
POLICIES = sorted((Path(__file__).parents[3] / "docs/policies").glob("*.yaml"))
SIGNER = SignerKey("weir.example/log", b"n" * 32)
FEW = settings(max_examples=40, suppress_health_check=list(HealthCheck))


def lol(levels: int) -> str:
    """A billion laughs in YAML: every level is ten times the one before."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "laughs": lol(12),
    "anchored": "name: &n x\nrules: []\nsets: {s: [*n]}\n",
    "recursive": "name: x\nrules: &r [*r]\n",
    "merged": "base: &b {name: x}\n<<: *b\n",
    "object": "name: !!python/object/apply:os.system [echo]\n",
    "binary": "name: !!binary aGk=\n",
    "tagged": "!evil {name: x}\n",
    "huge number": f"name: x\nrules: {'9' * 200_000}\n",
    "huge exponent": "name: x\ntiers: {encouraged: {weight: 1e999999999}}\n",
    "sexagesimal": "name: 1:2:3:4\n" * 2,
    "deep list": "[" * 100_000,
    "deep mapping": '{"a":' * 100_000,
    "deep dashes": "- " * 50_000 + "x",
    "deep not": "name: x\nrules: [{id: r, tier: blocked, missing: apply, when: " + "{not: " * 5_000 + "]",
    "two documents": "name: x\n---\nname: y\n",
    "a key that is a mapping": "? {a: b}\n: c\n",
    "twice": "name: x\nname: y\n",
    "nul": "name: \0\n",
    "half a character": 'name: "\\ud800"\n',
    "long key": f"{'k' * 100_000}: x\n",
    "many keys": "\n".join(f"k{n}: x" for n in range(2_000)),
    "many rules": "name: x\nrules:\n" + "- {id: r}\n" * 2_000,
    "long comment": "#" * 1_000_000,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_policies_that_are_bombs_are_refused_in_little_room(text):
    with little_room():
        assert refuses(lambda: parse(text), PolicyError)
        assert refuses(lambda: parse_corpus(text), PolicyError)


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_refused(text):
    refuses(lambda: parse(text), PolicyError)
    refuses(lambda: load(text), PolicyError)


@FEW
@given(st.data())
@pytest.mark.parametrize("file", POLICIES, ids=lambda path: path.name)
def test_a_policy_that_was_mutilated_is_refused_or_still_one(file, data):
    text = data.draw(mutated(file.read_bytes())).decode("utf-8", "replace")
    if file.name.endswith(".corpus.yaml"):
        refuses(lambda: parse_corpus(text), PolicyError)
    elif not refuses(lambda: parse(text), PolicyError):
        lint(text, NOW)
        assert canonical(load(canonical(parse(text)))) == canonical(parse(text))


NOTE = signed_checkpoint(Checkpoint("weir.example/log", 7, b"r" * 32), [SIGNER])


@given(st.text(max_size=200) | mutated(NOTE.encode()).map(lambda text: text.decode("utf-8", "replace")))
def test_any_text_is_the_checkpoint_itself_or_refused(text):
    def read() -> None:
        assert opened_checkpoint(text, [SIGNER.verifier], "weir.example/log")[0].size == 7

    refuses(read, NoteError)
    refuses(lambda: VerifierKey.parse(text), NoteError)
    refuses(lambda: SignerKey.parse(text), NoteError)
