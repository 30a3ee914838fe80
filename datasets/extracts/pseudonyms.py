"""Pseudonyms of whole columns: HMAC-SHA-256 of many texts at once, of each the first digits in hex.

Why this exists: written as SQL, SHA-256 took half the time of an extract. Many messages at once take a fifteenth of that.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import stringzilla

from datasets.extracts.compile import PSEUDONYM_HEX, pseudonym

_DIGEST_BYTES: Final = 32
_PAIRS: Final = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), "<u2")


def pseudonyms(texts: pa.Array, key: bytes) -> pa.Array:
    """Of each text what `pseudonym` makes of it; null stays null. RuntimeError if the quick way and the standard library disagree.

    Only the first text is made both ways: whatever reads memory wrongly gets that one wrong as well, or tests find it.
    """
    if not len(texts):
        return pa.array([], pa.string())
    whole = pa.concat_arrays([texts.cast(pa.string())])  # the library does not see where a slice begins
    digests = np.empty((len(whole), _DIGEST_BYTES), np.uint8)
    stringzilla.hmac_sha256(key, stringzilla.Strs(whole), out=digests)
    digits = _PAIRS[digests[:, : PSEUDONYM_HEX // 2]].tobytes()
    ends = np.arange(len(whole) + 1, dtype=np.int32) * PSEUDONYM_HEX
    made = pa.Array.from_buffers(
        pa.string(), len(whole), [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(digits)]
    )
    if whole.null_count:
        made = pc.if_else(whole.is_valid(), made, None)
    _prove(whole, made, key)
    return made


def _prove(texts: pa.Array, made: pa.Array, key: bytes) -> None:
    for text, found in zip(texts, made, strict=True):
        if text.is_valid:
            if found.as_py() != pseudonym(text.as_py(), key):
                raise RuntimeError("a pseudonym is not what it must be")
            return
