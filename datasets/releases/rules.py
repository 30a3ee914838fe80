"""What a new release changes for those who use the data, and which version number says so. Pure.

A shape is what consumers rely on: `{"level", "open_type", "columns": [{name, type, unit, level, …}]}`. Facts that one side
does not know (releases made before shapes were kept) are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any, Final

from core.errors import Reason
from core.text import Text

Facts = Mapping[str, Any]
FIRST: Final = "1.0.0"
_BASIS: Final = "版本编号规则（docs/releases.md）· version numbers of releases (docs/releases.md)"
_WIDER: Final = frozenset({("integer", "number"), ("date", "datetime")})
_LONGER: Final = ("length", "precision")


class Impact(IntEnum):
    """The part of the version number that a change moves, from light to grave."""

    PATCH = auto()
    MINOR = auto()
    MAJOR = auto()

    @property
    def word(self) -> str:
        return self.name.lower()


IMPACT_NAMES: Final[Mapping[Impact, Text]] = {
    Impact.MAJOR: Text("不兼容", "Breaking"),
    Impact.MINOR: Text("兼容的增补", "Additive"),
    Impact.PATCH: Text("仅数据更新", "Data only"),
}
IMPACTS: Final = tuple(impact.word for impact in Impact)
KIND_NAMES: Final[Mapping[str, Text]] = {
    "added": Text("新增列", "Column added"),
    "removed": Text("删除列", "Column removed"),
    "renamed": Text("列疑似改名", "Column seems renamed"),
    "moved": Text("列的次序改变", "Order of columns changed"),
    "type-widened": Text("类型放宽", "Type widened"),
    "type-narrowed": Text("类型收窄", "Type narrowed"),
    "type-changed": Text("类型改变", "Type changed"),
    "may-be-empty": Text("由必填改为可空", "Cells may now be empty"),
    "never-empty": Text("由可空改为必填", "Cells are never empty now"),
    "unit-added": Text("补充计量单位", "Unit stated"),
    "unit-changed": Text("计量单位改变", "Unit changed"),
    "level-raised": Text("分级提高", "Level raised"),
    "level-lowered": Text("分级降低", "Level lowered"),
    "codes-added": Text("代码表增加取值", "Values added to the code list"),
    "codes-changed": Text("代码表改变", "Code list changed"),
    "key-changed": Text("主键列改变", "Key columns changed"),
    "identifier-changed": Text("标识符类别改变", "Kind of identifier changed"),
    "opened": Text("开放类型放宽", "More open than before"),
    "closed": Text("开放类型收紧", "Less open than before"),
    "texts-changed": Text("名称或说明改变", "Title or definition changed"),
}
_OPENNESS: Final = {"N": 0, "C": 1, "U": 2}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `column` is empty for the dataset as a whole; `before` and `after` are facts of the dictionary."""

    kind: str
    column: str
    impact: Impact
    before: Any = None
    after: Any = None

    def as_json(self) -> dict[str, Any]:
        text = self.text
        return {
            "kind": self.kind, "column": self.column, "impact": self.impact.word, "before": self.before,
            "after": self.after, "zh": text.zh, "en": text.en,
        }  # fmt: skip

    @property
    def text(self) -> Text:
        """The change as a sentence."""
        name = KIND_NAMES[self.kind]
        where = f" {self.column}" if self.column else ""
        told = self.before is not None or self.after is not None
        how = f": {_short(self.before)} → {_short(self.after)}" if told else ""
        return Text(f"{name.zh}{where}{how.replace(': ', '：', 1)}", f"{name.en}{where}{how}")


def _short(value: Any) -> str:  # noqa: ANN401 - JSON
    if value is None:
        return "—"
    words = "、".join(str(each) for each in value) if isinstance(value, list) else str(value)
    return words if len(words) <= 60 else f"{words[:57]}…"


def changes(before: Facts, after: Facts) -> tuple[Change, ...]:
    """Every difference, the gravest first, then in the order of the columns."""
    old = {column["name"]: column for column in before["columns"]}
    new = {column["name"]: column for column in after["columns"]}
    found = [
        *_of_the_dataset(before, after),
        *_come_and_gone(old, new),
        *(change for name in new if name in old for change in _of_column(old[name], new[name])),
        *_moved(list(old), list(new)),
    ]
    return tuple(sorted(found, key=lambda change: -change.impact))


def impact_of(found: Sequence[Change]) -> Impact:
    """The gravest impact; other data alone are a patch."""
    return max((change.impact for change in found), default=Impact.PATCH)


def next_version(last: str | None, impact: Impact) -> str:
    """major.minor.patch after `last`; the first one when there was none."""
    if last is None:
        return FIRST
    major, minor, patch = (int(part) for part in last.split("."))
    if impact is Impact.MAJOR:
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if impact is Impact.MINOR else f"{major}.{minor}.{patch + 1}"


def acknowledgement_objections(found: Sequence[Change], accepts: bool, note: str) -> tuple[Reason, ...]:
    """A breaking change is published by somebody who says that he knows, and tells the users what to do."""
    grave = [change for change in found if change.impact is Impact.MAJOR]
    if not grave or (accepts and note.strip()):
        return ()
    zh = "；".join(change.text.zh for change in grave)
    en = "; ".join(change.text.en for change in grave)
    text = Text(
        f"与上一版不兼容：{zh}。请勾选确认，并在版本说明中写明用户应如何应对。",
        f"This breaks with the last release: {en}. Confirm it, and say in the note what users should do.",
    )
    facts: dict[str, object] = {"changes": [change.as_json() for change in grave]}
    return (Reason("breaking-change-not-acknowledged", text, _BASIS, facts),)


def _of_the_dataset(before: Facts, after: Facts) -> Iterator[Change]:
    yield from _level("", before, after)
    old, new = _OPENNESS.get(before.get("open_type", "")), _OPENNESS.get(after.get("open_type", ""))
    if old is None or new is None:
        return
    facts = before["open_type"], after["open_type"]
    if new > old:
        yield Change("opened", "", Impact.MINOR, *facts)
    elif new < old:
        yield Change("closed", "", Impact.MAJOR, *facts)


def _come_and_gone(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[Change]:
    gone = [column for name, column in old.items() if name not in new]
    come = [column for name, column in new.items() if name not in old]
    for column in gone:
        twin = next((each for each in come if _looks_the_same(column, each)), None)
        if twin is None:
            yield Change("removed", column["name"], Impact.MAJOR)
        else:
            come.remove(twin)
            yield Change("renamed", column["name"], Impact.MAJOR, column["name"], twin["name"])
    for column in come:
        yield Change("added", column["name"], Impact.MINOR)


def _looks_the_same(old: Facts, new: Facts) -> bool:
    titles = any(old.get(name) and old.get(name) == new.get(name) for name in ("title_zh", "title_en"))
    return titles and old.get("type") == new.get("type")


def _of_column(old: Facts, new: Facts) -> Iterator[Change]:
    name = new["name"]
    yield from _type(name, old, new)
    yield from _level(name, old, new)
    yield from _unit(name, old, new)
    yield from _codes(name, old, new)
    if _differ("nullable", old, new):
        opened = bool(new["nullable"])
        yield Change(
            "may-be-empty" if opened else "never-empty", name, Impact.MAJOR if opened else Impact.MINOR
        )
    if _differ("primary", old, new):
        yield Change("key-changed", name, Impact.MAJOR)
    if _differ("identifier_kind", old, new):
        grave = old["identifier_kind"] == "none"
        impact = Impact.MAJOR if grave else Impact.MINOR
        yield Change("identifier-changed", name, impact, old["identifier_kind"], new["identifier_kind"])
    if any(_differ(text, old, new) for text in ("title_zh", "title_en", "definition_zh", "definition_en")):
        yield Change("texts-changed", name, Impact.PATCH)


def _differ(fact: str, old: Facts, new: Facts) -> bool:
    return fact in old and fact in new and old[fact] != new[fact]


def _type(name: str, old: Facts, new: Facts) -> Iterator[Change]:
    if _differ("type", old, new):
        pair = (old["type"], new["type"])
        if pair in _WIDER:
            yield Change("type-widened", name, Impact.MINOR, *pair)
        else:
            kind = "type-narrowed" if pair[::-1] in _WIDER else "type-changed"
            yield Change(kind, name, Impact.MAJOR, *pair)
        return
    for fact in _LONGER:
        if _differ(fact, old, new):
            # no limit is the widest of all
            wider = old[fact] is not None and (new[fact] is None or new[fact] > old[fact])
            kind, impact = ("type-widened", Impact.MINOR) if wider else ("type-narrowed", Impact.MAJOR)
            yield Change(kind, name, impact, _limit(fact, old), _limit(fact, new))


def _limit(fact: str, column: Facts) -> str | None:
    return None if column[fact] is None else f"{fact} {column[fact]}"


def _level(name: str, old: Facts, new: Facts) -> Iterator[Change]:
    before, after = old.get("level"), new.get("level")
    if before is None or after is None:
        return
    if after > before:
        yield Change("level-raised", name, Impact.MAJOR, before, after)
    elif after < before:
        yield Change("level-lowered", name, Impact.MINOR, before, after)


def _unit(name: str, old: Facts, new: Facts) -> Iterator[Change]:
    if _differ("unit", old, new):
        stated = not old["unit"]
        kind, impact = ("unit-added", Impact.MINOR) if stated else ("unit-changed", Impact.MAJOR)
        yield Change(kind, name, impact, old["unit"], new["unit"])


def _codes(name: str, old: Facts, new: Facts) -> Iterator[Change]:
    if not _differ("code_list", old, new):
        return
    before, after = old["code_list"], new["code_list"]
    grows = isinstance(before, list) and isinstance(after, list) and set(before) <= set(after)
    kind = "codes-added" if grows else "codes-changed"
    impact = Impact.MINOR if grows or before is None else Impact.MAJOR
    yield Change(kind, name, impact, before, after)


def _moved(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    kept = [name for name in old if name in set(new)]
    if kept != [name for name in new if name in set(old)]:
        yield Change("moved", "", Impact.MINOR)
