"""Data Package (v1 and v2): one descriptor, or a list of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from catalog.harvest.records import Fault, Reading, Record, Unreadable, document, link, listed, plain, record
from core.text import Text


def read(data: bytes, base: str = "") -> Reading:
    """Descriptors with what they hold; paths stand relative to the descriptor's own address. Raises Unreadable."""
    told = document(data)
    if isinstance(told, Mapping) and not isinstance(told.get("resources"), list):
        raise Unreadable(
            Text(
                "没有 resources 列表；这不是 datapackage.json。",
                "There is no list of resources; this is no datapackage.json.",
            )
        )
    found = Reading()
    for place, each in enumerate(listed(told), 1):
        if isinstance(each, Mapping):
            found.take(_package(each, base))
        else:
            found.faults.append(Fault(f"#{place}", Text("不是对象。", "It is no object.")))
    return found


def _package(each: Mapping[str, Any], base: str) -> Record:
    licences = [
        one for one in listed(each.get("licenses") or each.get("license")) if isinstance(one, Mapping)
    ]
    people = [one for one in listed(each.get("contributors")) if isinstance(one, Mapping)]
    return record(
        each.get("id") or each.get("name"), each.get("title") or each.get("name"), each.get("description"),
        keywords=listed(each.get("keywords")),
        links=[
            link(_joined(base, path), r.get("title") or r.get("name"), r.get("format"))
            for r in listed(each.get("resources")) if isinstance(r, Mapping) for path in listed(r.get("path"))
        ],
        publisher=next((one.get("title") for one in people if one.get("role") == "publisher"), ""),
        licence=next((one.get("title") or one.get("name") for one in licences), ""), page=each.get("homepage"),
        modified=each.get("created"),
    )  # fmt: skip


def _joined(base: str, path: object) -> str:
    try:
        return urljoin(base, plain(path))
    except ValueError:
        return ""
