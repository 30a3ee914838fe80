"""The policy of a grant: what may leave, of which rows, for what, in which form, until when, how much."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from auth.identity.rules import networks_of
from auth.policy.filters.model import ColumnName, RowFilter
from core.canonical import canonical
from core.ids import DatasetId, GrantId

MAX_QUOTA: Final = 2**53 - 1


class Use(StrEnum):
    """What may become of a column.

    plain: leaves as it is, and may stand in the caller's filter. pseudonymised: leaves as a per-grant HMAC.
    masked: leaves after its mask. aggregate_only: no value leaves, only statistics over groups of rows. filter_only: never
    leaves, may stand in the caller's filter. join_only: never leaves, may only be set equal to a key of other data. denied:
    none of these.
    """

    PLAIN = "plain"
    PSEUDONYMISED = "pseudonymised"
    MASKED = "masked"
    AGGREGATE_ONLY = "aggregate_only"
    FILTER_ONLY = "filter_only"
    JOIN_ONLY = "join_only"
    DENIED = "denied"


class DeliveryForm(StrEnum):
    EXTRACT_PARQUET = "extract_parquet"
    EXTRACT_CSV = "extract_csv"
    EXTRACT_CSV_GB18030 = "extract_csv_gb18030"
    EXTRACT_XLSX = "extract_xlsx"
    EXTRACT_JSONL = "extract_jsonl"
    EXTRACT_GEOJSON = "extract_geojson"
    QUERY_AGG = "query_agg"
    QUERY_DP = "query_dp"
    VERIFY = "verify"
    PREVIEW = "preview"
    ENCLAVE = "enclave"


EXTRACT_FORMS: Final = frozenset(form for form in DeliveryForm if form.startswith("extract_"))
ROW_FORMS: Final = EXTRACT_FORMS | {DeliveryForm.PREVIEW}  # rows leave, as a file or as a few to look at
STATISTIC_FORMS: Final = frozenset({DeliveryForm.QUERY_AGG, DeliveryForm.QUERY_DP})
REVIEWED_BY_TWO: Final = frozenset({DeliveryForm.ENCLAVE})  # at whatever level, under whatever profile
LEAVING: Final = frozenset({Use.PLAIN, Use.PSEUDONYMISED, Use.MASKED})
FILTERABLE: Final = frozenset({Use.PLAIN, Use.FILTER_ONLY})
AGGREGABLE: Final = frozenset({Use.PLAIN, Use.AGGREGATE_ONLY})
JOINABLE: Final = frozenset({Use.PLAIN, Use.JOIN_ONLY})
# Uses that rows on their way out cannot serve, with the forms that can: a grant must hold one of these forms to hold the use.
FORMS_SERVING: Final[Mapping[Use, frozenset[DeliveryForm]]] = {
    Use.AGGREGATE_ONLY: STATISTIC_FORMS | {DeliveryForm.ENCLAVE},
    Use.JOIN_ONLY: frozenset({DeliveryForm.VERIFY}),
}


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DropMask(_Frozen):
    """Every value becomes null."""

    kind: Literal["drop"] = "drop"


class RedactMask(_Frozen):
    """Every value that is present becomes `***`."""

    kind: Literal["redact"] = "redact"


class KeepMask(_Frozen):
    """Text keeps its first `head` and last `tail` characters; the rest becomes `*`. Text no longer than both is all `*`."""

    kind: Literal["keep"] = "keep"
    head: int = Field(ge=0, le=20)
    tail: int = Field(ge=0, le=20)


class RoundMask(_Frozen):
    """Numbers fall to the next lower multiple of `step`."""

    kind: Literal["round"] = "round"
    step: float = Field(gt=0, allow_inf_nan=False)


class TruncateMask(_Frozen):
    """Dates and times fall to the beginning of their hour, day, month or year (local, UTC+8)."""

    kind: Literal["truncate"] = "truncate"
    unit: Literal["hour", "day", "month", "year"]


class ClampMask(_Frozen):
    """Top and bottom coding: numbers below `low` become `low`, numbers above `high` become `high`; one bound may be missing."""

    kind: Literal["clamp"] = "clamp"
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("截取：下限与上限至少填一项 / clamp: at least one of low and high")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("截取：下限须小于上限 / clamp: low must lie below high")
        return self


class GridMask(_Frozen):
    """A place becomes the centre of its cell in a grid of `step` degrees, in the column's own system; a line or an area that of the
    middle of its box. Numbers of degrees are rounded instead."""

    kind: Literal["grid"] = "grid"
    step: float = Field(gt=0, le=10, allow_inf_nan=False)


class DivisionMask(_Frozen):
    """A code of an administrative division (GB/T 2260 and its longer kin: 2, 4, 6, 9 or 12 digits) becomes that of the division of
    `level` around it, as long as before: 440307 → 440300 (city). What is no such code becomes null."""

    kind: Literal["division"] = "division"
    level: Literal["province", "city", "county", "town"]


Mask = Annotated[
    DropMask | RedactMask | KeepMask | RoundMask | TruncateMask | ClampMask | GridMask | DivisionMask,
    Field(discriminator="kind"),
]
DIVISION_DIGITS: Final[Mapping[str, int]] = {"province": 2, "city": 4, "county": 6, "town": 9}
MASK_TYPES: Final[dict[str, frozenset[str]]] = {
    "drop": frozenset({"string", "integer", "number", "boolean", "date", "datetime", "time", "geometry"}),
    "redact": frozenset({"string"}),
    "keep": frozenset({"string"}),
    "round": frozenset({"integer", "number"}),
    "truncate": frozenset({"date", "datetime"}),
    "clamp": frozenset({"integer", "number"}),
    "grid": frozenset({"geometry"}),
    "division": frozenset({"string", "integer"}),
}


class ColumnTerm(_Frozen):
    """One column's term. A mask belongs to `masked`, and only to it."""

    name: ColumnName
    use: Use
    mask: Mask | None = None

    @model_validator(mode="after")
    def _mask_belongs(self) -> Self:
        if (self.use is Use.MASKED) != (self.mask is not None):
            raise ValueError(f"column {self.name}: a mask goes with use 'masked', and only with it")
        return self


class Quotas(_Frozen):
    """Totals over the life of the grant, and how often it may be asked on one local day or in one local month; None is without limit.

    `per_day` and `per_month` count what is charged as an extract: extracts, queries, previews and a view's first reading of the day.
    What is given back to the totals stays in the counts of day and month. `outputs_per_month` counts results of the enclave by the month
    in which their specification was handed in; what does not come out is given back.
    """

    extracts: int | None = Field(default=None, ge=1, le=MAX_QUOTA)
    rows: int | None = Field(default=None, ge=1, le=MAX_QUOTA)
    bytes: int | None = Field(default=None, ge=1, le=MAX_QUOTA)
    per_day: int | None = Field(default=None, ge=1, le=MAX_QUOTA)
    per_month: int | None = Field(default=None, ge=1, le=MAX_QUOTA)
    outputs_per_month: int | None = Field(default=None, ge=1, le=MAX_QUOTA)


class Safeguards(_Frozen):
    """What protects whoever the rows are about, beyond what the policy profile asks of everybody; the stricter of both holds.

    min_group: a figure is made of as many contributors, and a small cell of as many rows, or it stays in. checkers: people who review
    each file before it leaves. epsilon_micro: of private answers over the life of the grant, epsilon_each_micro: of one of them, in
    millionths. watermark: files and views of rows bear hidden marks, or do not leave.
    """

    min_group: int | None = Field(default=None, ge=2, le=1_000_000)
    checkers: int | None = Field(default=None, ge=1, le=2)
    epsilon_micro: int | None = Field(default=None, ge=1, le=MAX_QUOTA)
    epsilon_each_micro: int | None = Field(default=None, ge=1, le=MAX_QUOTA)
    watermark: bool = False

    def said(self) -> dict[str, int | bool]:
        """Those that are set, by their names."""
        return {name: value for name, value in self.model_dump().items() if value}


Words = TypeVar("Words", bound=str)


def storable(words: Words) -> Words:
    """PostgreSQL keeps no NUL in text: it is refused on the way in, on every database alike."""
    if "\x00" in words:
        raise ValueError("含有 NUL 字符 / contains a NUL character")
    return words


Prose = Annotated[str, AfterValidator(storable)]
Instant = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
Code = Annotated[Prose, Field(min_length=1, max_length=80)]
# Addresses and networks (CIDR) in canonical form, each once; () is any.
Networks = Annotated[tuple[str, ...], AfterValidator(networks_of)]
# Accounts by their ids, which name nobody by themselves; each once, in one order, so that equal groups are equal terms. () is no choice.
Members = Annotated[
    tuple[Code, ...], Field(max_length=200), AfterValidator(lambda ids: tuple(sorted(set(ids))))
]
_LATER: Final = ("networks", "pinned_release", "members", "fee_reference", "safeguards")


class GrantPolicy(_Frozen):
    """The whole of what one grant allows on one dataset. A column that it does not name is denied.

    `starts_at` belongs to the period, `ends_at` does not. `networks`: where data may be asked for and taken from; () is anywhere.
    `pinned_release`: the id of the one release that it covers; None is the current one, and earlier ones by their id.
    `members`: the accounts of the holder that may use it; () is every vouched member. `fee_reference`: the price rule that was agreed.
    `safeguards`: where it is stricter than the policy profile.
    """

    version: Literal[1] = 1
    dataset_id: DatasetId
    columns: tuple[ColumnTerm, ...] = Field(min_length=1, max_length=2000)
    row_filter: RowFilter | None = None
    scenario_id: Code
    purposes: tuple[Code, ...] = Field(min_length=1, max_length=20)
    starts_at: Instant
    ends_at: Instant
    delivery_forms: tuple[DeliveryForm, ...] = Field(min_length=1)
    quotas: Quotas = Quotas()
    retention_days: int = Field(ge=1, le=36500)
    redistribution: Literal[False] = False
    networks: Networks = ()
    pinned_release: Code | None = None
    members: Members = ()
    fee_reference: Code | None = None
    safeguards: Safeguards = Safeguards()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        for what, names in (
            ("column", [term.name for term in self.columns]),
            ("purpose", self.purposes),
            ("delivery form", self.delivery_forms),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"a {what} is named twice")
        if self.ends_at <= self.starts_at:
            raise ValueError("期限的结束早于开始 / the period ends before it starts")
        return self

    @cached_property
    def _terms(self) -> dict[str, ColumnTerm]:
        return {term.name: term for term in self.columns}

    def term(self, column: str) -> ColumnTerm | None:
        return self._terms.get(column)

    def use_of(self, column: str) -> Use:
        """What may become of that column; denied when the policy does not name it."""
        return term.use if (term := self.term(column)) else Use.DENIED

    @property
    def leaving(self) -> tuple[ColumnTerm, ...]:
        """The terms of columns that may stand in a delivery, in policy order."""
        return tuple(term for term in self.columns if term.use in LEAVING)

    def canonical(self) -> bytes:
        """Canonical JSON (RFC 8785): equal policies give equal bytes. A limit that came later stands there only where it is set,
        so that what was agreed before it keeps its digest."""
        said = self.model_dump(mode="json")
        for unit in ("per_day", "per_month", "outputs_per_month"):
            if said["quotas"][unit] is None:
                del said["quotas"][unit]
        said["safeguards"] = self.safeguards.said()
        for name in _LATER:
            if not said[name]:
                del said[name]
        return canonical(said)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form, 64 hex digits: what both sides agree to."""
        return hashlib.sha256(self.canonical()).hexdigest()


@dataclass(frozen=True, slots=True)
class Licence:
    """Where an organisation stands. Only state `QUALIFIED` before `valid_to` (aware, exclusive) counts, and only at home."""

    state: str
    valid_to: datetime | None
    country: str = "CN"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to use a grant: which columns leave, under which further filter, for what, in which form.

    rows: how many rows would leave, where that is known before. release_id: of which release, where there is one.
    """

    grant_id: GrantId
    dataset_id: DatasetId
    columns: tuple[str, ...]
    filter: RowFilter | None
    purpose: str
    scenario_id: str
    delivery_form: str
    at: datetime
    rows: int | None = None
    release_id: str | None = None
