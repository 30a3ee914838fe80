"""CKAN: a page of package_search, one package_show, or a bare package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from catalog.harvest.records import Fault, Reading, Record, Unreadable, document, link, listed, plain, record
from catalog.relations import kinds
from core.text import Text

PAGE = 100
_KINDS = {
    "child_of": "isPartOf",
    "derives_from": "source",
    "depends_on": "requires",
    "links_to": "references",
}


def page_url(base: str, start: int) -> str:
    """The address of one page; the order is settled, so that pages neither repeat nor skip."""
    asked = urlencode({"rows": PAGE, "start": start, "sort": "id asc"})
    return f"{base.rstrip('/')}/api/3/action/package_search?{asked}"


def read(data: bytes, base: str = "") -> Reading:
    """Packages of one answer; a page that is full may be followed by another. Raises Unreadable."""
    told = document(data)
    if isinstance(told, Mapping) and told.get("success") is False:
        raise Unreadable(
            Text("门户答复失败（success: false）。", "The portal answered that it failed (success: false).")
        )
    result = told.get("result", told) if isinstance(told, Mapping) else None
    if not isinstance(result, Mapping):
        raise Unreadable(
            Text(
                "答复中没有 result；这不是 CKAN 的接口。",
                "There is no result in the answer; this is no CKAN API.",
            )
        )
    packages = result.get("results") if "results" in result else [result]
    if not isinstance(packages, list):
        raise Unreadable(Text("result.results 不是列表。", "result.results is no list."))
    found = Reading(is_last="results" not in result or len(packages) < PAGE)
    for place, each in enumerate(packages, 1):
        if not isinstance(each, Mapping):
            found.faults.append(Fault(f"#{place}", Text("不是对象。", "It is no object.")))
        elif each.get("state", "active") == "active" and not each.get("private"):
            found.take(_package(each, base))
    return found


def _relations(each: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """How a package stands to others: by our own kind where the comment says one, else by CKAN's types."""
    for key, is_subject in (("relationships_as_subject", True), ("relationships_as_object", False)):
        for one in listed(each.get(key)):
            if not isinstance(one, Mapping):
                continue
            more = one.get("__extras")
            ends = more if isinstance(more, Mapping) else one
            other = ends.get("object_package_id" if is_subject else "subject_package_id")
            said = str(one.get("comment") or "")
            kind = said if said in kinds.STATED else _KINDS.get(str(one.get("type")), "")
            if kind and other:
                yield (kind if is_subject else kinds.KINDS[kind].inverse), other


def _package(each: Mapping[str, Any], base: str) -> Record:
    name = plain(each.get("name"))
    org = each.get("organization")
    tags = [
        tag.get("display_name") or tag.get("name") if isinstance(tag, Mapping) else tag
        for tag in listed(each.get("tags"))
    ]
    return record(
        each.get("id") or name, each.get("title") or name, each.get("notes"), keywords=tags,
        links=[
            link(r.get("url"), r.get("name") or r.get("description"), r.get("format"))
            for r in listed(each.get("resources")) if isinstance(r, Mapping)
        ],
        publisher=(org.get("title") if isinstance(org, Mapping) else "") or each.get("author"),
        licence=each.get("license_title") or each.get("license_id"),
        page=f"{base.rstrip('/')}/dataset/{name}" if base and name else each.get("url"),
        modified=each.get("metadata_modified"), relations=_relations(each),
    )  # fmt: skip
