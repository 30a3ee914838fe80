"""Rules proposed from a table and its dictionary. A proposal binds nothing: a person reads it, changes it, saves it.

What the dictionary says comes first, as critical rules. What only the data show becomes a warning, with room for
the next batch. Each rule says in its meta where it comes from (`why_zh`, `why_en`) and its indicator (`gbt36344`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.text import Text
from quality import sql
from quality.arguments import is_storable
from quality.kinds import MOMENTS, NUMERIC, Column, Kind, column_of
from quality.own.ages import BY_FREQUENCY
from quality.own.identifiers import holds_card_number, holds_phone_number, is_credit_code
from quality.profile_ranges import bounds_with_slack, box_with_slack
from quality.suite import Suite

if TYPE_CHECKING:
    import duckdb

Rule = dict[str, Any]
ROW: Final = "__row__"
SAMPLE_ROWS: Final = 100_000
_MANY: Final = 20
"""Fewer rows than this show no habit."""
_SET_SIZE: Final = 20
_SET_REPEATS: Final = 10
_CODE_LENGTH: Final = 40
_KEY_ENDINGS: Final = ("id", "code", "no", "key", "编号", "编码", "代码", "号码", "序号")
_LONGITUDES: Final = ("lon", "lng", "longitude", "经度")
_LATITUDES: Final = ("lat", "latitude", "纬度")
_FORMS: Final = (("0", "[0-9]"), ("A", "[A-Z]"), ("a", "[a-z]"))


@dataclass(slots=True)
class Seen:
    """What one column of the table shows. `values`: the distinct ones of the sample, at most some thousands."""

    column: Column
    known: Mapping[str, Any]
    rows: int
    nulls: int
    low: Any
    high: Any
    shortest: int | None
    longest: int | None
    distinct: int
    sampled: int
    values: list[Any] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def is_key(self) -> bool:
        return bool(self.known.get("primary")) or (
            self.column.kind in (Kind.TEXT, Kind.INTEGER)
            and not self.nulls
            and self.sampled >= _MANY
            and self.distinct == self.sampled
            and self.name.lower().endswith(_KEY_ENDINGS)
        )

    @property
    def is_small_set(self) -> bool:
        return (
            self.column.kind in (Kind.TEXT, Kind.INTEGER)
            and 1 < self.distinct <= _SET_SIZE
            and self.sampled >= self.distinct * _SET_REPEATS
            and is_storable(self.values)
        )


def propose(
    parquet: Path,
    dictionary_columns: Sequence[Mapping[str, Any]] | None = None,
    *,
    name: str = "proposed",
    paced: bool = False,
    memory_limit_mb: int = 800,
) -> Suite:
    """A suite that the table itself passes, but for what the dictionary asks and the table breaks.

    dictionary_columns: `name` and, where known, `required`, `nullable`, `primary`, `code_list`, `length`.
    paced: the record's update frequency sets a limit, by which a column of moments can be judged.
    """
    known = {str(each["name"]): each for each in dictionary_columns or ()}
    seen = look_at(parquet, known, memory_limit_mb)
    rules = [
        *_of_table(parquet, seen, known),
        *(rule for each in seen for rule in _of_column(each)),
        *_of_places(seen),
        *(_freshness(seen) if paced else ()),
    ]
    return Suite.from_data({"name": name, "expectations": rules})


def look_at(parquet: Path, known: Mapping[str, Mapping[str, Any]], memory_limit_mb: int) -> list[Seen]:
    """Counts, ends and lengths over the whole table in one scan; distinct values over a sample of it."""
    import duckdb
    import pyarrow.parquet as pq

    columns = [column_of(each) for each in pq.read_schema(parquet) if each.name != ROW]
    columns = [each for each in columns if each.kind is not Kind.OTHER]
    if not columns:
        return []
    with duckdb.connect(config={"memory_limit": f"{memory_limit_mb}MB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        source = f"read_parquet({sql.literal(str(parquet))})"
        total = connection.execute(
            f"SELECT count(*), {', '.join(map(_ends, columns))} FROM {source}"  # noqa: S608 - names are quoted
        ).fetchone()
        assert total is not None  # noqa: S101 - an aggregate always has its row
        connection.execute(
            f"CREATE TEMP TABLE sample AS SELECT * FROM {source} USING SAMPLE reservoir({SAMPLE_ROWS} ROWS) REPEATABLE (7)"  # noqa: S608 - as above
        )
        return [
            _seen(
                connection, column, known.get(column.name, {}), total[0], total[1 + 5 * place : 6 + 5 * place]
            )
            for place, column in enumerate(columns)
        ]


def _ends(column: Column) -> str:
    name = column.sql
    if column.kind is Kind.NUMBER:
        name = f"CASE WHEN isfinite({name}) THEN {name} END"
    length = f"length({name})" if column.kind is Kind.TEXT else "NULL"
    return f"count({name}), min({name}), max({name}), min({length}), max({length})"


def _seen(
    connection: duckdb.DuckDBPyConnection,
    column: Column,
    known: Mapping[str, Any],
    rows: int,
    facts: Sequence[Any],
) -> Seen:
    present, low, high, shortest, longest = facts
    counted = connection.execute(
        f"SELECT count(DISTINCT {column.sql}), count({column.sql}) FROM sample"  # noqa: S608 - as above
    ).fetchone()
    assert counted is not None  # noqa: S101 - an aggregate always has its row
    found = Seen(column, known, rows, rows - present, low, high, shortest, longest, *counted)
    if column.kind in (Kind.TEXT, Kind.INTEGER):
        wanted = (
            f"SELECT DISTINCT {column.sql} FROM sample WHERE {column.sql} IS NOT NULL ORDER BY 1 LIMIT 5000"  # noqa: S608 - as above
        )
        found.values = [value for (value,) in connection.execute(wanted).fetchall()]
    return found


def _rule(name: str, kwargs: Rule, part: str, why: Text, *, critical: bool = False) -> Rule:
    return {
        "type": name,
        "kwargs": kwargs,
        "severity": "critical" if critical else "warning",
        "meta": {"gbt36344": part, "why_zh": why.zh, "why_en": why.en},
    }


def _of_table(parquet: Path, seen: list[Seen], known: Mapping[str, Mapping[str, Any]]) -> Iterator[Rule]:
    import pyarrow.parquet as pq

    rows = pq.read_metadata(parquet).num_rows
    names = [name for name in pq.read_schema(parquet).names if name != ROW]
    wanted = [name for name in known if known[name].get("required")] if known else names
    why = (
        Text("数据字典规定每批必有这些列", "the dictionary demands these columns in every batch")
        if known
        else Text("样本中有这些列", "the sample has these columns")
    )
    if wanted:
        kwargs = {"column_set": wanted, "exact_match": False}
        yield _rule("expect_table_columns_to_match_set", kwargs, "0102", why, critical=True)
    why = Text(f"样本有 {rows} 行，按一半到两倍放宽", f"the sample has {rows} rows; half to twice as many")
    band = {"min_value": max(1, rows // 2), "max_value": max(2 * rows, 2)}
    yield _rule("expect_table_row_count_to_be_between", band, "0202", why)
    keys = [name for name, each in known.items() if each.get("primary")]
    if len(keys) > 1 and set(keys) <= {each.name for each in seen}:
        why = Text("数据字典规定它们合为主键", "the dictionary says that together they are the key")
        yield _rule("expect_compound_columns_to_be_unique", {"column_list": keys}, "0304", why, critical=True)


def _of_column(seen: Seen) -> Iterator[Rule]:
    yield from _presence(seen)
    yield from _uniqueness(seen)
    allowed = list(_sets(seen))
    yield from allowed
    if seen.rows == seen.nulls or allowed:
        return
    if seen.column.kind is Kind.TEXT:
        yield from _texts(seen)
    elif not seen.is_key:
        yield from _ranges(seen)


def _presence(seen: Seen) -> Iterator[Rule]:
    declared = seen.known.get("nullable") is False or bool(seen.known.get("primary"))
    if declared:
        why = Text("数据字典规定不得为空", "the dictionary lets no cell be empty")
    elif seen.rows >= _MANY and not seen.nulls:
        why = Text(f"样本 {seen.rows} 行无一为空", f"none of the sample's {seen.rows} cells is empty")
    else:
        return
    yield _rule("expect_column_values_to_not_be_null", {"column": seen.name}, "0201", why, critical=declared)


def _uniqueness(seen: Seen) -> Iterator[Rule]:
    if not seen.is_key or seen.distinct != seen.sampled:
        return
    declared = bool(seen.known.get("primary"))
    why = (
        Text(
            "数据字典规定为主键，样本中无重复",
            "the dictionary says it is the key, and the sample repeats none",
        )
        if declared
        else Text("列名像主键，样本中无重复", "named like a key, and the sample repeats none")
    )
    yield _rule("expect_column_values_to_be_unique", {"column": seen.name}, "0304", why, critical=declared)


def _sets(seen: Seen) -> Iterator[Rule]:
    codes = seen.known.get("code_list")
    if isinstance(codes, list) and seen.column.kind is Kind.TEXT:
        why = Text("数据字典给出的取值", "the values that the dictionary gives")
        kwargs = {"column": seen.name, "value_set": codes}
        yield _rule("expect_column_values_to_be_in_set", kwargs, "0105", why, critical=True)
    elif seen.is_small_set:
        why = Text(f"样本只有这 {seen.distinct} 种取值", f"the sample has these {seen.distinct} values only")
        kwargs = {"column": seen.name, "value_set": seen.values}
        yield _rule("expect_column_values_to_be_in_set", kwargs, "0105", why)


def _ranges(seen: Seen) -> Iterator[Rule]:
    kind = seen.column.kind
    if kind not in NUMERIC | MOMENTS or seen.low is None or seen.sampled < _MANY:
        return
    kwargs: Rule = {"column": seen.name}
    if kind in MOMENTS:  # the next batch goes on in time, so only the beginning is a bound
        low = seen.low.isoformat()
        kwargs["min_value"] = low
        why = Text(f"样本最早为 {low}", f"the sample begins at {low}")
    else:
        kwargs["min_value"], kwargs["max_value"] = bounds_with_slack(
            seen.low, seen.high, whole=kind is Kind.INTEGER
        )
        why = Text(
            f"样本在 {seen.low} 到 {seen.high} 之间，放宽一成",
            f"the sample lies in {seen.low} to {seen.high}; a tenth of room is added",
        )
    yield _rule("expect_column_values_to_be_between", kwargs, "0301", why)


def _texts(seen: Seen) -> Iterator[Rule]:
    declared = seen.known.get("length")
    if declared:
        kwargs = {"column": seen.name, "max_value": declared}
        why = Text(f"数据字典规定长度不超过 {declared}", f"the dictionary allows {declared} characters")
        yield _rule("expect_column_value_lengths_to_be_between", kwargs, "0101", why, critical=True)
    if seen.sampled < _MANY:
        return
    if len(seen.values) >= _MANY and _share(seen.values, is_credit_code) > 0.9:
        why = Text("样本多为统一社会信用代码", "most of the sample are unified social credit codes")
        yield _rule("expect_column_values_to_be_credit_codes", {"column": seen.name}, "0302", why)
    elif (pattern := _pattern(seen)) is not None:
        why = Text("样本的取值全是这一形式", "all values of the sample have this form")
        kwargs = {"column": seen.name, "regex": pattern}
        yield _rule("expect_column_values_to_match_regex", kwargs, "0302", why)
    else:
        yield from _persons(seen)


def _share(values: Sequence[Any], test: Any) -> float:
    return sum(map(bool, map(test, values))) / len(values)


def _pattern(seen: Seen) -> str | None:
    """The one form that all values have (`^[A-Z]{2}[0-9]{4}$`), if they are codes of one length and form."""
    if seen.distinct < _MANY or seen.shortest != seen.longest or not 0 < (seen.longest or 0) <= _CODE_LENGTH:
        return None
    forms = {_form(value) for value in seen.values}
    if len(forms) != 1:
        return None
    form, words = forms.pop(), dict(_FORMS)
    if not is_storable(form) or not {"0", "A"} & set(form):
        return None
    parts = [(sign, len(list(run))) for sign, run in groupby(form)]
    said = (
        f"{words.get(sign, _literal(sign))}{{{n}}}" if n > 1 else words.get(sign, _literal(sign))
        for sign, n in parts
    )
    return "^" + "".join(said) + "$"


def _form(value: str) -> str:
    return "".join(
        "0" if sign in "0123456789" else "A" if "A" <= sign <= "Z" else "a" if "a" <= sign <= "z" else sign
        for sign in value
    )


def _literal(sign: str) -> str:
    return f"\\{sign}" if sign in r"\.^$*+?{}[]|()" else sign


def _persons(seen: Seen) -> Iterator[Rule]:
    """Free text must not carry numbers of persons by chance; where it does already, that is said."""
    if seen.is_key or str(seen.known.get("identifier_kind") or "none") != "none":
        return
    for test, least, name, zh, en in (
        (holds_phone_number, 11, "phone_numbers", "手机号码", "phone numbers"),
        (holds_card_number, 18, "id_card_numbers", "身份证号码", "identity card numbers"),
    ):
        if (seen.longest or 0) < least:
            continue
        found = sum(map(test, seen.values))
        why = (
            Text(
                f"样本中有 {found} 个取值含{zh}，请先处理",
                f"{found} values of the sample hold {en}: mend them first",
            )
            if found
            else Text(f"自由文本，防止夹带{zh}", f"free text, which might carry {en}")
        )
        yield _rule(
            f"expect_column_values_to_hold_no_{name}",
            {"column": seen.name},
            "0106",
            why,
            critical=bool(found),
        )


def _freshness(seen: list[Seen]) -> Iterator[Rule]:
    """The first column of moments that is always filled tells how fresh the data are."""
    dated = (each for each in seen if each.column.kind in MOMENTS and each.high is not None)
    if (found := next((each for each in dated if not each.nulls), None)) is not None:
        why = Text(
            "目录填有更新周期，最新的数据不应更旧",
            "the record says how often data come; the newest must not be older than that allows",
        )
        kwargs = {"column": found.name, "max_age": BY_FREQUENCY}
        yield _rule("expect_column_values_to_be_fresh", kwargs, "0502", why)


def _of_places(seen: list[Seen]) -> Iterator[Rule]:
    """Longitude and latitude, told by their names, stay near where they are."""
    numbers = {
        each.name.lower(): each for each in seen if each.column.kind in NUMERIC and each.low is not None
    }
    longitude = next((numbers[name] for name in numbers if name.endswith(_LONGITUDES)), None)
    latitude = next((numbers[name] for name in numbers if name.endswith(_LATITUDES)), None)
    if longitude is None or latitude is None:
        return
    area = box_with_slack(longitude.low, latitude.low, longitude.high, latitude.high)
    why = Text("样本的坐标都在这个范围附近", "the points of the sample lie here or near")
    kwargs = {"longitude": longitude.name, "latitude": latitude.name, "area": area}
    yield _rule("expect_coordinates_to_lie_in_area", kwargs, "0301", why)
