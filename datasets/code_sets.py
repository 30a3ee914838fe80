"""Code lists that rules name, from the lists that are part of the program."""

from __future__ import annotations

from catalog import codes
from core.text import Text
from quality.references import CodeSet, Wanted


def code_sets(wanted: Wanted) -> dict[str, CodeSet]:
    """The lists that there are, of those named; their version is the day they took effect."""
    known = {name for name, _ in wanted.code_lists} & set(codes.names())
    return {name: _code_set(name) for name in sorted(known)}


def fault(name: str, version: str | None) -> Text | None:
    """What is wrong with naming this list in this version; None when it is there."""
    if name not in codes.names():
        known = ", ".join(codes.names())
        return Text(
            f"没有代码表 {name}；现有：{known}。", f"There is no code list {name}; there are: {known}."
        )
    there = codes.load(name).effective.isoformat()
    if version not in (None, there):
        return Text(
            f"代码表 {name} 现为 {there} 版，而规则要求 {version} 版。",
            f"The code list {name} is at version {there}, but the rule asks for {version}.",
        )
    return None


def _code_set(name: str) -> CodeSet:
    listed = codes.load(name)
    return CodeSet(name, listed.effective.isoformat(), tuple(listed.codes))
