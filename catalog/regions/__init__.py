"""Administrative divisions as data: the codes of GB/T 2260, county level and above, with their names and what lies in what.

Source: 民政部《中华人民共和国县级以上行政区划代码》 as of 31 December 2024, in the form collected under CC0 1.0 by
github.com/yescallop/areacodes (`data/2024.txt`); `divisions.csv` holds its lines. Functional areas have no code of their own
and are covered by their statutory division. Only provinces have English names here; the list gives none, others stand as they are.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from catalog.search.variants import simplified
from core.text import Text

SOURCE: Final = Text(
    "民政部《中华人民共和国县级以上行政区划代码》（GB/T 2260），截至 2024-12-31",
    "Codes of administrative divisions, county level and above (GB/T 2260), Ministry of Civil Affairs, as of 2024-12-31",
)
MOST: Final = 12
"""Codes of one record; what covers more names the divisions above them."""
PART: Final = "\x1e"
_ENGLISH: Final = {
    "11": "Beijing", "12": "Tianjin", "13": "Hebei", "14": "Shanxi", "15": "Inner Mongolia", "21": "Liaoning", "22": "Jilin",
    "23": "Heilongjiang", "31": "Shanghai", "32": "Jiangsu", "33": "Zhejiang", "34": "Anhui", "35": "Fujian", "36": "Jiangxi",
    "37": "Shandong", "41": "Henan", "42": "Hubei", "43": "Hunan", "44": "Guangdong", "45": "Guangxi", "46": "Hainan", "50": "Chongqing",
    "51": "Sichuan", "52": "Guizhou", "53": "Yunnan", "54": "Xizang", "61": "Shaanxi", "62": "Gansu", "63": "Qinghai", "64": "Ningxia",
    "65": "Xinjiang", "71": "Taiwan", "81": "Hong Kong", "82": "Macao",
}  # fmt: skip
_PROVINCE_ENDS: Final = ("特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "省", "市")
_COUNTY_ENDS: Final = ("自治县", "自治旗", "矿区", "林区", "特区", "市", "区", "县", "旗")


class UnknownRegion(ValueError):
    """A word that is no division, or the name of several."""

    def __init__(self, text: Text) -> None:
        super().__init__(f"{text.zh} {text.en}")
        self.text = text


@dataclass(frozen=True, slots=True)
class Region:
    """One division. `path`: codes from its province down to itself."""

    code: str
    name: str
    path: tuple[str, ...]

    @property
    def parent(self) -> str:
        """The division above; empty for a province."""
        return self.path[-2] if len(self.path) > 1 else ""


@cache
def load() -> Mapping[str, Region]:
    """Every division by its code, in the order of codes."""
    text = (files(__name__) / "divisions.csv").read_text(encoding="utf-8")
    names = {line["code"]: line["name"] for line in csv.DictReader(text.splitlines())}
    found = {}
    for code in sorted(names):
        above = dict.fromkeys((f"{code[:2]}0000", f"{code[:4]}00", code))
        found[code] = Region(code, names[code], tuple(each for each in above if each in names))
    return found


def full_name(code: str) -> str:
    """From the province down: 广东省深圳市龙岗区; an unknown code as it is."""
    region = load().get(code)
    return "".join(load()[each].name for each in region.path) if region else code


def label(code: str) -> Text:
    """For people: its name with those above it."""
    region = load().get(code)
    if region is None:
        return Text(code, code)
    names = [load()[each].name for each in region.path]
    return Text(" › ".join(names), " › ".join([_ENGLISH[code[:2]], *names[1:]]))


def names(codes: Iterable[str]) -> str:
    """The words by which a record of these divisions is found."""
    return "\n".join(full_name(code) for code in codes)


def key(codes: Iterable[str]) -> str:
    """The codes with all above them, each once, for counting and filtering."""
    known = load()
    return PART.join(
        sorted({above for code in codes for above in (known[code].path if code in known else (code,))})
    )


def children(code: str) -> list[Region]:
    """The divisions directly below; the provinces for an empty code."""
    return [each for each in load().values() if each.parent == code]


def find(word: str, limit: int = 50) -> list[Region]:
    """Divisions whose code begins with the word, or whose full name holds it; those of that very name first."""
    word = simplified(word.strip())
    if not word:
        return []
    named = _named().get(word, ())
    others = (
        code for code in load() if code not in named and (code.startswith(word) or word in full_name(code))
    )
    return [load()[code] for code in [*named, *others][:limit]]


def code_of(word: str) -> str:
    """The code that a code or name means: 440307, 龙岗区, 深圳市龙岗区, 上海. Raises UnknownRegion."""
    word = simplified("".join(word.split()))
    if word in load():
        return word
    found = _named().get(word, ()) or _short().get(word.casefold(), ())
    if len(found) == 1:
        return found[0]
    if found:
        some = "、".join(f"{code} {full_name(code)}" for code in found[:6])
        raise UnknownRegion(
            Text(f"“{word}”有 {len(found)} 处，请写代码或带上级名称：{some}。", f"“{word}” is the name of {len(found)} divisions; give the code or the name above it: {some}.")
        )  # fmt: skip
    raise UnknownRegion(
        Text(f"“{word[:40]}”不是县级以上行政区划的代码或名称，请在“行政区划”页查找。", f"“{word[:40]}” is no code or name of a division of county level or above; look it up under “Divisions”.")
    )  # fmt: skip


def matched(text: str) -> list[str]:
    """The division whose name a text is, for records that come from elsewhere; none where it says anything else or could mean several."""
    try:
        return [code_of(text)] if text.strip() else []
    except UnknownRegion:
        return []


@cache
def _named() -> Mapping[str, Sequence[str]]:
    """Codes by name, alone and with the names above it."""
    found: dict[str, list[str]] = defaultdict(list)
    for code, region in load().items():
        parts = [load()[each].name for each in region.path]
        for begin in range(len(parts)):
            found["".join(parts[begin:])].append(code)
        if len(parts) == 3:
            found[parts[0] + parts[2]].append(code)
    return {name: tuple(dict.fromkeys(codes)) for name, codes in found.items()}


@cache
def _short() -> Mapping[str, Sequence[str]]:
    """Provinces without what kind they are (上海, 内蒙古, Shanghai), and cities (深圳) whose short name is no county's."""
    counties = {_stem(each.name, _COUNTY_ENDS) for each in load().values() if not each.code.endswith("00")}
    found: dict[str, list[str]] = {}
    for code, region in load().items():
        if not region.parent:
            found[_stem(region.name, _PROVINCE_ENDS)] = [code]
            found["".join(_ENGLISH[code[:2]].split()).casefold()] = [code]
    for code, region in load().items():
        stem = region.name.removesuffix("市")
        if region.parent and code.endswith("00") and stem != region.name and stem not in counties:
            found.setdefault(stem, [code])
    return found


def _stem(name: str, ends: Sequence[str]) -> str:
    return next(
        (name.removesuffix(end) for end in ends if name.endswith(end) and len(name) > len(end) + 1), name
    )
