"""Sketches: how much two texts have in common, told from a few numbers of each, however long they are.

A text is folded to its letters and digits, so that case, punctuation and invisible characters tell nothing apart. What
is long enough is compared by its runs of five characters: the share that two texts have in common (Jaccard), estimated
by MinHash (Broder, "On the resemblance and containment of documents", 1997) and found by bands (Leskovec, Rajaraman and
Ullman, "Mining of Massive Datasets", chapter 3). What is shorter, and a title without a text, is compared whole: one
word of it makes another item of a series.
"""

from __future__ import annotations

import unicodedata
from base64 import b85decode, b85encode
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from datasketch import MinHash

SHORTEST = 48
"""Folded characters below which a text tells nothing: greetings, names and usual titles are nobody's copy."""
SHORTEST_ALIKE = 80
"""Folded characters from which texts are alike by their runs; shorter ones only when they fold to the same."""
ALIKE = 0.7
"""Estimated share of runs in common from which two texts are near-duplicates."""
BANDS, BAND = 12, 5
"""Bands of a sketch and numbers in each: texts that agree in a whole band are compared, 89 % at .7 and 99 % at .8."""

_RUN = 5
_NUMBERS = BANDS * BAND
_SEED = 1
_MULTIPLIER = 0x9E3779B97F4A7C15  # an odd constant without a pattern: 2^64 over the golden ratio

Numbers = NDArray[np.uint32]


class _Folding(dict[int, str]):
    """Characters by what they fold to, learned as they come: letters, marks and digits stay, what is invisible goes,
    all else parts words."""

    def __missing__(self, code: int) -> str:
        kind = unicodedata.category(chr(code))
        folded = chr(code) if kind[0] in "LNM" else "" if kind == "Cf" else " "
        self[code] = folded
        return folded


_FOLDING = _Folding()


@dataclass(frozen=True, slots=True)
class Sketch:
    """A text as families know it. ``digest`` is of the folded text; ``numbers`` uint32[60], None where it is compared
    whole."""

    digest: str
    numbers: Numbers | None = None

    @property
    def bands(self) -> list[str]:
        """Names of its bands: texts that share one are worth comparing; none where it is compared whole."""
        if self.numbers is None:
            return []
        parts = self.numbers.reshape(BANDS, BAND)
        return [f"{place}:{blake2b(part.tobytes(), digest_size=8).hexdigest()}" for place, part in enumerate(parts)]

    def like(self, other: Numbers) -> float:
        """The estimated share of runs in common with another sketch's numbers; its standard error is .06 at .7."""
        return 0.0 if self.numbers is None else float(np.count_nonzero(self.numbers == other)) / _NUMBERS


def folded(title: str, text: str) -> str:
    """Title and text as they are compared (Unicode NFKC, case folded, words parted by single spaces)."""
    whole = unicodedata.normalize("NFKC", f"{title}\n{text}").casefold()
    return " ".join(whole.translate(_FOLDING).split())


def sketch(title: str, text: str) -> Sketch | None:
    """The sketch of an item's title and text; None when they are too short to be anything's copy."""
    whole = folded(title, text)
    if len(whole) < SHORTEST:
        return None
    digest = blake2b(whole.encode(), digest_size=16).hexdigest()
    if not text or len(whole) < SHORTEST_ALIKE:
        return Sketch(digest)
    return Sketch(digest, _numbers(_runs(whole)))


def likeness(one: tuple[str, str], other: tuple[str, str]) -> float:
    """The exact share of runs that two titles with their texts have in common, from 0 to 1."""
    first, second = (np.unique(_runs(folded(*text))) for text in (one, other))
    if not first.size or not second.size:
        return float(folded(*one) == folded(*other))
    common = np.intersect1d(first, second, assume_unique=True).size
    return common / (first.size + second.size - common)


def packed(numbers: Numbers) -> str:
    """Numbers as text."""
    return b85encode(numbers.astype("<u4").tobytes()).decode()


def unpacked(text: str) -> Numbers:
    """Numbers from their text."""
    return np.frombuffer(b85decode(text), dtype="<u4").astype(np.uint32)


def _runs(whole: str) -> NDArray[np.uint64]:
    """uint64[n - 4]: a 32-bit hash of each run of five characters, polynomial in their code points."""
    codes = np.frombuffer(whole.encode("utf-32-le"), dtype="<u4").astype(np.uint64) + np.uint64(1)
    if codes.size < _RUN:
        return codes[:0]
    hashed = np.zeros(codes.size - _RUN + 1, dtype=np.uint64)
    for place in range(_RUN):
        hashed = hashed * np.uint64(_MULTIPLIER) + codes[place : place + hashed.size]
    return hashed * np.uint64(_MULTIPLIER) >> np.uint64(32)


def _numbers(runs: NDArray[np.uint64]) -> Numbers:
    made = _minhash()
    made.update_batch(np.unique(runs).tolist())
    return made.digest()  # type: ignore[no-any-return]


def _minhash() -> MinHash:
    # Imported when first needed: it brings much of scipy along.
    from datasketch import MinHash

    return MinHash(_NUMBERS, seed=_SEED, hashfunc=_same, scheme="affine32")


def _same(hashed: int) -> int:
    return hashed
