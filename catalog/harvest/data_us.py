"""DCAT-US (Project Open Data): one data.json with every dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.harvest.records import Fault, Reading, Record, Unreadable, document, link, listed, plain, record
from core.text import Text

_KINDS = ("isPartOf", "inSeries", "hasPart", "replaces", "hasVersion", "isReferencedBy", "source")


def read(data: bytes, base: str = "") -> Reading:  # noqa: ARG001 - the shape of a reader
    """Datasets that the file calls public or restricted; `non-public` ones are left where they are. Raises Unreadable."""
    told = document(data)
    datasets = told.get("dataset") if isinstance(told, Mapping) else told
    if not isinstance(datasets, list):
        raise Unreadable(
            Text(
                "没有 dataset 列表；这不是 data.json。", "There is no list of datasets; this is no data.json."
            )
        )
    found = Reading()
    named = {
        plain(each["@id"]): plain(_own(each))
        for each in datasets
        if isinstance(each, Mapping) and each.get("@id")
    }
    for place, each in enumerate(datasets, 1):
        if not isinstance(each, Mapping) or not each:
            found.faults.append(Fault(f"#{place}", Text("空的或不是对象。", "It is empty or no object.")))
        elif each.get("accessLevel") != "non-public":
            found.take(_dataset(each, named))
    return found


def _own(each: Mapping[str, Any]) -> object:
    """Its identifier: plain text, and in the third version a list."""
    own = each.get("identifier")
    return own[0] if isinstance(own, list) and own else own


def _relations(each: Mapping[str, Any], named: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """How it stands to others: by their identifiers, or by addresses (`named`: address → identifier)."""
    for kind in _KINDS:
        for other in listed(each.get(kind)):
            address = plain(other.get("@id") if isinstance(other, Mapping) else other)
            if address:
                yield kind, named.get(address, address)


def _dataset(each: Mapping[str, Any], named: Mapping[str, str]) -> Record:
    publisher = each.get("publisher")
    return record(
        _own(each), each.get("title"), each.get("description"), keywords=listed(each.get("keyword")),
        links=[
            link(d.get("downloadURL") or d.get("accessURL"), d.get("title"), d.get("format") or d.get("mediaType"))
            for d in listed(each.get("distribution")) if isinstance(d, Mapping)
        ],
        publisher=publisher.get("name") if isinstance(publisher, Mapping) else publisher, licence=each.get("license"),
        page=each.get("landingPage"), modified=each.get("modified"), spatial=each.get("spatial"),
        relations=_relations(each, named),
    )  # fmt: skip
