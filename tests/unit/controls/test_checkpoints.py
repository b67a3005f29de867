"""Checkpoints: the published one is read and written byte for byte; what is not exactly one is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.checkpoints import Checkpoint, opened_checkpoint, signed_checkpoint
from controls.errors import NoteError
from controls.notes import SignerKey, text_of

# The example of C2SP tlog-checkpoint (its key is not published with it).
PUBLISHED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\N{EM DASH} example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
KEY, OTHER = SignerKey("weir.example/log", bytes(32)), SignerKey("weir.example/other", bytes(32))
MADE = Checkpoint("weir.example/log", 7, b"r" * 32)


def test_the_published_checkpoint_is_read_and_written_as_published() -> None:
    text = text_of(PUBLISHED)
    made = Checkpoint.parse(text)
    assert (made.origin, made.size) == ("example.com/behind-the-sofa", 20852163)
    assert made.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert str(made) == text


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_signed_checkpoint_comes_back_with_its_signer(size: int, root: bytes) -> None:
    made = Checkpoint("weir.example/log", size, root)
    assert opened_checkpoint(signed_checkpoint(made, [KEY]), [KEY.verifier], KEY.verifier.name) == (
        made,
        (KEY.verifier,),
    )


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n01\n" + "A" * 43 + "=\n",
        "o\n-1\n" + "A" * 43 + "=\n",
        "o\n\N{ARABIC-INDIC DIGIT ONE}\n" + "A" * 43 + "=\n",
        f"o\n{2**63}\n" + "A" * 43 + "=\n",
        "o\n1\nAAAA\n",
        "o\n1\n" + "A" * 42 + "B=\n",
        "o\n1\n*\n",
        "o\n1\n" + "A" * 43 + "=\nextension\n",
        "o\n1\n" + "A" * 43 + "=",
    ],
)
def test_what_is_not_exactly_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError, match="again"):
        Checkpoint.parse(text)


def test_another_ledgers_checkpoint_is_refused_and_none_is_signed_with_another_ledgers_key() -> None:
    with pytest.raises(NoteError, match="named otherwise"):
        signed_checkpoint(MADE, [OTHER])
    note = signed_checkpoint(MADE, [KEY])
    with pytest.raises(NoteError, match=r"not of 'weir.example/other'"):
        opened_checkpoint(note, [KEY.verifier], "weir.example/other")
