"""The kinds of relations, as data: each with its inverse, its label, and what other standards call it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.text import Text

RELATED: Final = "relation"
IN_SERIES: Final = "inSeries"
IS_REPLACED_BY: Final = "isReplacedBy"
MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """`label` reads “this record … that one”. `ckan`: CKAN's type and whether this end is its subject. `is_ordered`: it leads
    from one record to another and never back to where it began."""

    name: str
    label: Text
    inverse: str
    ckan: str
    is_subject: bool = True
    is_ordered: bool = True


def _pair(
    name: str, label: Text, inverse: str, inverse_label: Text, ckan: str, *, is_ordered: bool = True
) -> list[Kind]:
    return [
        Kind(name, label, inverse, ckan, True, is_ordered),
        Kind(inverse, inverse_label, name, ckan, False, is_ordered),
    ]


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        *_pair(IN_SERIES, Text("属于系列", "is in series"), "seriesMember", Text("系列成员", "has member"), "child_of"),
        *_pair("isPartOf", Text("是其一部分", "is part of"), "hasPart", Text("包含", "has part"), "child_of"),
        *_pair("isVersionOf", Text("是其版本", "is version of"), "hasVersion", Text("有版本", "has version"), "links_to"),
        *_pair("replaces", Text("替代", "replaces"), IS_REPLACED_BY, Text("被替代为", "is replaced by"), "links_to"),
        *_pair("prev", Text("上一期", "comes after"), "next", Text("下一期", "comes before"), "links_to"),
        *_pair("source", Text("来源于", "is derived from"), "isSourceOf", Text("派生出", "is the source of"), "derives_from"),
        *_pair("requires", Text("依赖", "requires"), "isRequiredBy", Text("被依赖于", "is required by"), "depends_on"),
        *_pair(
            "references", Text("引用", "references"), "isReferencedBy", Text("被引用于", "is referenced by"), "links_to", is_ordered=False
        ),
        Kind(RELATED, Text("相关", "is related to"), RELATED, "links_to", is_ordered=False),
    )
}  # fmt: skip
CKAN_INVERSE: Final[Mapping[str, str]] = {
    "child_of": "parent_of", "derives_from": "has_derivation", "depends_on": "dependency_of", "links_to": "linked_from",
}  # fmt: skip
STATED: Final = tuple(name for name in KINDS if name != RELATED)  # a plain relation is a related code
_NAMED: Final[Mapping[str, str]] = {
    said.lower(): kind.name for kind in KINDS.values() for said in (kind.name, kind.label.zh, kind.label.en)
}
_WORD: Final = re.compile(r"\s*([^:：]{1,40})[:：]\s*(\S{2,80})\s*")


def parse(word: str) -> tuple[str, str] | None:
    """`isPartOf:DP-PK-001` (or the kind by its label) as kind and code; None for what is no relation."""
    found = _WORD.fullmatch(word)
    kind = _NAMED.get(found[1].strip().lower()) if found else None
    return (kind, found[2]) if found and kind in STATED else None


def written(kind: str, code: str) -> str:
    return f"{kind}:{code}"


def pairs(words: Iterable[str], related: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Every relation that a record states, in order."""
    stated = [pair for word in words if (pair := parse(word))]
    return list(dict.fromkeys([*stated, *((RELATED, code) for code in related)]))


def forward(kind: str) -> tuple[str, bool]:
    """The kind as its subject says it, and whether it has to be turned for that."""
    known = KINDS[kind]
    return (kind, False) if known.is_subject else (known.inverse, True)


def circle(start: str, kind: str, edges: Mapping[str, Sequence[str]]) -> bool:
    """Whether an ordered relation leads back to where it began. edges: record → records, one kind, forwards."""
    if not KINDS[kind].is_ordered:
        return False
    seen: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        here = waiting.pop()
        if here == start:
            return True
        if here not in seen:
            seen.add(here)
            waiting.extend(edges.get(here, ()))
    return False
