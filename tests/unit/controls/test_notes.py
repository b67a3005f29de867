"""Signed notes: the published ones are read and made byte for byte, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.errors import NoteError
from controls.notes import SignerKey, VerifierKey, opened, signed, text_of

# The example of golang.org/x/mod/sumdb/note, whose format C2SP signed-note is: a published test key, no secret.
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
GO_NOTE = f"{GO_TEXT}\n\N{EM DASH} PeterNeumann {GO_SIGNATURE}\n"
# The example of C2SP signed-note.
C2SP_VERIFIER = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n\N{EM DASH} example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

KEY, OTHER = SignerKey("weir.example/log", bytes(32)), SignerKey("weir.example/log", b"\x01" * 32)


@pytest.mark.parametrize(("note", "key"), [(GO_NOTE, GO_VERIFIER), (C2SP_NOTE, C2SP_VERIFIER)])
def test_the_published_notes_are_verified_and_their_keys_written_as_published(note: str, key: str) -> None:
    verifier = VerifierKey.parse(key)
    assert opened(note, [verifier]) == (note.split("\n\n", maxsplit=1)[0] + "\n", (verifier,))
    assert str(verifier) == key


def test_the_published_note_is_signed_byte_for_byte() -> None:
    signer = SignerKey.parse(GO_SIGNER)
    assert signed(GO_TEXT, [signer]) == GO_NOTE
    assert str(signer.verifier) == GO_VERIFIER
    assert signer.secret() == GO_SIGNER


@given(st.integers(0, len(GO_NOTE.encode()) - 1), st.integers(1, 255))
def test_no_byte_of_a_note_can_be_changed(place: int, change: int) -> None:
    content = bytearray(GO_NOTE.encode())
    content[place] ^= change
    with pytest.raises((NoteError, UnicodeDecodeError)):
        opened(content.decode(), [VerifierKey.parse(GO_VERIFIER)])


@pytest.mark.parametrize("key", [GO_VERIFIER, C2SP_VERIFIER])
def test_no_character_of_a_key_can_be_left_out_or_changed(key: str) -> None:
    for place in range(len(key)):
        for altered in (key[:place] + key[place + 1 :], key[:place] + chr(ord(key[place]) ^ 1) + key[place + 1 :]):
            with pytest.raises(NoteError):
                VerifierKey.parse(altered)


def test_two_keys_of_one_name_may_sign_and_each_is_told() -> None:
    note = signed("both\n", [KEY, OTHER])
    assert opened(note, [OTHER.verifier]) == ("both\n", (OTHER.verifier,))
    assert opened(note, [KEY.verifier, OTHER.verifier])[1] == (KEY.verifier, OTHER.verifier)
    assert text_of(note) == "both\n"


def test_a_note_that_nobody_known_signed_is_refused() -> None:
    with pytest.raises(NoteError, match="none of the known keys"):
        opened(signed("text\n", [KEY]), [OTHER.verifier])
    with pytest.raises(NoteError, match="needs a signature"):
        signed("text\n", [])


def test_a_signature_of_a_known_key_that_does_not_hold_refuses_the_note_whoever_else_signed() -> None:
    other = signed("another\n", [KEY]).split("\n\n")[1]
    with pytest.raises(NoteError, match="does not hold"):
        opened(signed("text\n", [OTHER]) + other, [KEY.verifier, OTHER.verifier])


@pytest.mark.parametrize("text", ["", "no newline", "a\ttab\n", "a\rreturn\n"])
def test_a_text_that_is_not_of_whole_lines_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError, match="whole lines"):
        signed(text, [KEY])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_a_name_with_spaces_or_plus_signs_is_refused(name: str) -> None:
    with pytest.raises(NoteError, match="cannot name a key"):
        SignerKey(name, bytes(32))


def test_a_private_key_is_never_shown() -> None:
    secret = KEY.secret().rsplit("+", 1)[1]
    assert secret not in repr(KEY) + str(KEY) + repr(KEY.verifier)
    with pytest.raises(NoteError) as told:
        SignerKey.parse(KEY.secret().replace("weir", "wair"))
    assert secret not in str(told.value)
    with pytest.raises(NoteError, match="restore the key file"):
        SignerKey("weir.example/log", b"short")
    with pytest.raises(NoteError, match="private key"):
        SignerKey.parse(GO_VERIFIER)
