"""The lines of Delta Sharing's answers, in its two forms: `parquet` and `delta`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

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


def form_of(capabilities: str) -> Form:
    """What the client takes: delta where it says so, for its kernel reads a file with one request; parquet otherwise."""
    for part in capabilities.lower().replace(" ", "").split(";"):
        name, _, words = part.partition("=")
        if name == "responseformat" and "delta" in words.split(","):
            return "delta"
    return "parquet"


def lines(form: Form, title: str, view: ViewRow, version: Version, files: Iterable[File]) -> str:
    """Protocol, metadata of `view`, then the files: one JSON object a line."""
    said = [_protocol(form), _metadata(form, title, view, version), *(_file(form, each) for each in files)]
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in said)


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
