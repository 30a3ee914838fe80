"""The lines of Delta Sharing's answers, in its two forms: `parquet` and `delta`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from core.errors import InputRefused
from core.text import Text
from datasets.sharing.rules import Version
from datasets.sharing.tables import ViewRow

Form = Literal["parquet", "delta"]
_CHANGES: Final = {"delta.enableChangeDataFeed": "true"}


@dataclass(frozen=True, slots=True)
class File:
    """A view's file at a version: `kind` is file for a snapshot, add and remove for changes."""

    kind: Literal["file", "add", "remove"]
    view: ViewRow
    version: Version
    url: str
    expires_at: datetime


def capabilities(words: str) -> dict[str, str]:
    """The header `delta-sharing-capabilities` as names and values, lower case."""
    parts = [part.partition("=") for part in words.lower().replace(" ", "").split(";")]
    return {name: value for name, _, value in parts if name}


def form_of(said: Mapping[str, str]) -> Form:
    """What the client takes: delta where it says so, for its kernel reads a file with one request; parquet otherwise."""
    return "delta" if "delta" in said.get("responseformat", "").split(",") else "parquet"


def id_scheme(words: str) -> str:
    """The scheme of file ids asked for (`fileidhash`), "" without one. Ours are digests of what a view is made from, whatever the scheme.

    Raises InputRefused.
    """
    scheme = words.strip().lower()
    if scheme not in ("", *get_args(Form)):
        raise _bad("fileidhash 应为 parquet 或 delta。", "fileidhash must be parquet or delta.")
    return scheme


def token_of(version: Version) -> str:
    """What a client brings back to have its addresses renewed: it names the version that it reads, and gives no right."""
    return f"v{version.number}"


def version_of(token: str) -> int:
    """The number in such a token. Raises InputRefused."""
    if not re.fullmatch(r"v[0-9]{1,15}", token):
        raise _bad(
            "refreshToken 无法识别；请重新查询。",
            "The refreshToken is not one of ours; query anew without it.",
        )
    return int(token[1:])


def end_of_stream(files: Sequence[File], token: str) -> dict[str, Any]:
    """The line that tells a client that it has everything: when its addresses end, and the token to renew them with."""
    ends = {"minUrlExpirationTimestamp": min(_millis(each.expires_at) for each in files)} if files else {}
    return {"endStreamAction": ends | ({"refreshToken": token} if token else {})}


def lines(
    form: Form,
    title: str,
    view: ViewRow,
    version: Version,
    files: Iterable[File],
    end: Mapping[str, Any] | None = None,
) -> str:
    """Protocol, metadata of `view`, then the files, and the end where the client asked for it: one JSON object a line."""
    said = [_protocol(form), _metadata(form, title, view, version), *(_file(form, each) for each in files)]
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in [*said, *([end] if end else [])])


def _protocol(form: Form) -> dict[str, Any]:
    if form == "parquet":
        return {"protocol": {"minReaderVersion": 1}}
    return {"protocol": {"deltaProtocol": {"minReaderVersion": 1, "minWriterVersion": 4}}}


def _metadata(form: Form, title: str, view: ViewRow, version: Version) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": view.grant_id, "name": title, "format": {"provider": "parquet"}, "schemaString": view.delta_schema,
        "partitionColumns": [], "configuration": _CHANGES,
    }  # fmt: skip
    counts = {"version": version.number, "size": view.size_bytes, "numFiles": 1}
    if form == "parquet":
        return {"metaData": told | counts}
    told["format"]["options"] = {}
    return {"metaData": counts | {"deltaMetadata": told | {"createdTime": _millis(version.published_at)}}}


def _file(form: Form, each: File) -> dict[str, Any]:
    view, stats = each.view, json.dumps({"numRecords": each.view.rows})
    at, ends = _millis(each.version.published_at), _millis(each.expires_at)
    if form == "parquet":
        said: dict[str, Any] = {
            "url": each.url, "id": view.id, "partitionValues": {}, "size": view.size_bytes, "stats": stats,
            "version": each.version.number, "timestamp": at, "expirationTimestamp": ends,
        }  # fmt: skip
        return {each.kind: said}
    action: dict[str, Any] = {
        "path": each.url, "partitionValues": {}, "size": view.size_bytes, "dataChange": True,
    }  # fmt: skip
    if each.kind == "remove":
        single = {"remove": action | {"deletionTimestamp": at, "extendedFileMetadata": True}}
    else:
        single = {"add": action | {"modificationTime": at, "stats": stats}}
    told: dict[str, Any] = {
        "id": view.id, "version": each.version.number, "timestamp": at, "expirationTimestamp": ends, "deltaSingleAction": single
    }  # fmt: skip
    return {"file": told}


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _bad(zh: str, en: str) -> InputRefused:
    return InputRefused(Text(zh, en))
