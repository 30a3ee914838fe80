"""ZIP files whose bytes depend on their contents alone, with the digests of the parts inside."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Final

_EPOCH: Final = (2026, 1, 1, 0, 0, 0)


def zip_of(parts: Mapping[str, bytes]) -> bytes:
    """The parts and `SHA256SUMS`, in the order of their names."""
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sorted(parts.items()))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for name, body in sorted({**parts, "SHA256SUMS": sums.encode()}.items()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            out.writestr(member, body)
    return made.getvalue()
