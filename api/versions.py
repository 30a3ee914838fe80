"""If-Match and ETag for records that carry a version: whoever changes one says which version he saw."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Depends, Header

from core.errors import InputRefused
from core.text import Text


def expected_version(
    if_match: Annotated[
        str | None, Header(description='The version seen, as its ETag: `"3"`; `*` for any')
    ] = None,
) -> int | None:
    """The version in If-Match; None for `*`. Raises InputRefused when it is missing or not one of ours."""
    given = (if_match or "").strip()
    if given == "*":
        return None
    if found := re.fullmatch(r'(?:W/)?"?(\d{1,9})"?', given):
        return int(found.group(1))
    raise InputRefused(
        Text(
            "请用 If-Match 头说明您依据的版本（先读取记录，取其 ETag；* 表示任意版本）。",
            "Say in the If-Match header which version you saw (read the record, take its ETag; * means any).",
        ),
        header="If-Match",
    )


def seen_version(
    if_match: Annotated[
        str | None, Header(description="The version seen, as its ETag; left out means any")
    ] = None,
) -> int | None:
    """The same where a step may be asked for without having read the record."""
    return expected_version(if_match) if if_match else None


def etag(version: int) -> dict[str, str]:
    """The header that names a version."""
    return {"ETag": f'"{version}"'}


ExpectedVersion = Annotated[int | None, Depends(expected_version)]
SeenVersion = Annotated[int | None, Depends(seen_version)]
