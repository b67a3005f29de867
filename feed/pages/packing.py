"""Packing: the blocks of recorded Servings, compressed many at once (Zstandard, RFC 8878).

Many in one call, because the interpreter's lock is let go of at each, and beside a busy thread every time costs the
wait to get it back (docs/adr/0036). What was written by earlier code, by DEFLATE, is read as well (law 3).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import zstandard

_LEVEL = 2
_LARGEST = 16 << 20
_EXPECTED = (
    b'"surface":["home",""],"audience":["*","unknown","*",""],"limit":30,"mode":"personalized","seed":,"settings":{'
    b'"personalization":true,"mode":"personalized","hidden":[],"muted_authors":[],"muted_topics":[],"more_topics":[],'
    b'"less_topics":[],"mutes":[]},"parameters":{"history":50,"half_life_days":180,"half_life_items":7,"weight_click":2,'
    b'"weight_dwell":3,"weight_like":4,"weight_share":5,"weight_more":6,"weight_less":-6,"weight_hide":-4,'
    b'"seen_discount_permille":600,"candidates":200,"author_window":8,"author_max":2,"topic_window":8,"topic_max":0,'
    b'"calibration":500,"fresh_every":10,"popular_every":0,"editorial_every":10,"explore_every":20},"arms":{},"start":0,'
    b'"exhausted":false,"verdicts":[[0,1024,[]]],"grown":[],"arrays":[["history","<i8",[50,3]],["seen","<i4",[50,2]],'
    b'["served_rows","<i4",[0]],["served_tiers","<u1",[0]],["page_rows","<i4",[30]],["page_sources","<u1",[30]],'
    b'["page_tiers","<u1",[30]],["page_classes","<i4",[30]],["page_reasons","<u1",[30]],["page_because","<i4",[30]],'
    b'["page_scores","<i8",[30]],["page_drawn_from","<i4",[30]]]}'
)
"""What blocks have in common, as the dictionary of their compression. What was written with it is read with it, so it
never changes."""
_DICTIONARY = zstandard.ZstdCompressionDict(_EXPECTED, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_DICTIONARY.precompute_compress(level=_LEVEL)


def packed(blocks: Sequence[bytes]) -> list[bytes]:
    """Each of one or more blocks compressed by itself, in one call for all."""
    # One of them may not be used by two threads.
    compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_DICTIONARY, write_checksum=True)
    together = compressor.multi_compress_to_buffer(list(blocks))
    return [together[number].tobytes() for number in range(len(together))]


def unpacked(block: bytes) -> bytes:
    """The block that was packed, of no more bytes than a page can have; raises ``ValueError`` if there is none."""
    if not block.startswith(zstandard.FRAME_HEADER):
        return _inflated(block)
    try:
        # A frame may tell any size, and as much memory would be taken for it.
        if zstandard.frame_content_size(block) > _LARGEST:
            raise ValueError(f"a block of a recorded Serving has at most {_LARGEST} bytes")
        decompressor = zstandard.ZstdDecompressor(dict_data=_DICTIONARY)
        return decompressor.decompress(block, _LARGEST, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"this is no block of a recorded Serving ({error})") from error


def _inflated(block: bytes) -> bytes:
    # Blocks from before there was a dictionary do not ask for it.
    unpacking = zlib.decompressobj(zdict=_EXPECTED)
    try:
        data = unpacking.decompress(block, _LARGEST)
    except zlib.error as error:
        raise ValueError(f"this is no block of a recorded Serving ({error})") from error
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError(f"a block of a recorded Serving is whole, and of {_LARGEST} bytes at most")
    return data
