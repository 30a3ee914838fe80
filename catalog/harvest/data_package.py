"""Data Package (v1 and v2): one descriptor, or a list of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    packages = [each for each in listed(told) if isinstance(each, Mapping)]
    named = {
        _joined(base, each.get("homepage")): plain(_own(each))
        for each in packages
        if plain(each.get("homepage"))
    }
    for place, each in enumerate(listed(told), 1):
        if isinstance(each, Mapping):
            found.take(_package(each, base, named))
        else:
            found.faults.append(Fault(f"#{place}", Text("不是对象。", "It is no object.")))
    return found


def _own(each: Mapping[str, Any]) -> object:
    return each.get("id") or each.get("name")


def _relations(each: Mapping[str, Any], base: str, named: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """What it is made from (`sources`), and the packages that its foreign keys refer to; by identifier where the same document has it
    (`named`: home page → identifier), else by address."""
    for source in listed(each.get("sources")):
        if isinstance(source, Mapping) and plain(source.get("path")):
            address = _joined(base, source["path"])
            yield "source", named.get(address, plain(source["path"]))
    for resource in listed(each.get("resources")):
        schema = resource.get("schema") if isinstance(resource, Mapping) else None
        for key in listed(schema.get("foreignKeys") if isinstance(schema, Mapping) else None):
            other = key.get("reference") if isinstance(key, Mapping) else None
            if isinstance(other, Mapping) and plain(other.get("package")):
                yield "references", named.get(_joined(base, other["package"]), plain(other["package"]))


def _package(each: Mapping[str, Any], base: str, named: Mapping[str, str]) -> Record:
    licences = [
        one for one in listed(each.get("licenses") or each.get("license")) if isinstance(one, Mapping)
    ]
    people = [one for one in listed(each.get("contributors")) if isinstance(one, Mapping)]
    return record(
        _own(each), each.get("title") or each.get("name"), each.get("description"),
        keywords=listed(each.get("keywords")),
        links=[
            link(_joined(base, path), r.get("title") or r.get("name"), r.get("format"))
            for r in listed(each.get("resources")) if isinstance(r, Mapping) for path in listed(r.get("path"))
        ],
        publisher=next((one.get("title") for one in people if "publisher" in (one.get("role"), *listed(one.get("roles")))), ""),
        licence=next((one.get("title") or one.get("name") for one in licences), ""), page=each.get("homepage"),
        modified=each.get("created"), relations=_relations(each, base, named),
    )  # fmt: skip


def _joined(base: str, path: object) -> str:
    try:
        return urljoin(base, plain(path))
    except ValueError:
        return ""
