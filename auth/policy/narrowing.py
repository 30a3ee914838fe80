"""Making a policy smaller. A narrowed policy is part of the one asked for; what would widen it is named and refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from auth.identity.rules import are_within
from auth.policy.filters.model import RowFilter, all_of
from auth.policy.model import (
    DIVISION_DIGITS,
    LEAVING,
    ClampMask,
    Code,
    ColumnTerm,
    DeliveryForm,
    DivisionMask,
    DropMask,
    GrantPolicy,
    GridMask,
    Instant,
    KeepMask,
    Mask,
    Members,
    Networks,
    Quotas,
    RedactMask,
    RoundMask,
    Safeguards,
    TruncateMask,
    Use,
)
from auth.policy.safeguards import loosened
from core.errors import Reason
from core.text import Text

BASIS: Final = "决定只收窄、不放宽 · a decision narrows, never widens"
_UNITS: Final = ("hour", "day", "month", "year")


class Narrowing(BaseModel):
    """What a decision changes; a part left out stays as asked. `columns` replaces the terms; columns not named there are denied."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    columns: tuple[ColumnTerm, ...] | None = None
    extra_filter: RowFilter | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    delivery_forms: tuple[DeliveryForm, ...] | None = None
    quotas: Quotas | None = None
    retention_days: int | None = Field(default=None, ge=1)
    networks: Networks | None = None
    pinned_release: Code | None = None
    members: Members | None = None
    fee_reference: Code | None = None
    safeguards: Safeguards | None = None


def narrowed(asked: GrantPolicy, by: Narrowing) -> GrantPolicy:
    """The policy with the changes put in; validated as a whole, not yet compared: see `widenings`."""
    changes = {name: value for name in type(by).model_fields if (value := getattr(by, name)) is not None}
    extra = changes.pop("extra_filter", None)
    body = {name: getattr(asked, name) for name in GrantPolicy.model_fields} | changes
    return GrantPolicy.model_validate(body | {"row_filter": all_of(asked.row_filter, extra)})


def widenings(new: GrantPolicy, asked: GrantPolicy) -> tuple[Reason, ...]:
    """Every place where `new` allows something that `asked` does not; () when it is the same or smaller."""
    return tuple(_widenings(new, asked))


def _widenings(new: GrantPolicy, asked: GrantPolicy) -> Iterator[Reason]:
    same = ("version", "dataset_id", "scenario_id", "redistribution")
    yield from (_wider(name) for name in same if getattr(new, name) != getattr(asked, name))
    for term in new.columns:
        if not _within(term, asked.term(term.name)):
            yield _wider(f"column {term.name}")
    if not _filters_more(new.row_filter, asked.row_filter):
        yield _wider("row filter")
    if not set(new.purposes) <= set(asked.purposes):
        yield _wider("purposes")
    if not set(new.delivery_forms) <= set(asked.delivery_forms):
        yield _wider("delivery forms")
    if new.starts_at < asked.starts_at or new.ends_at > asked.ends_at:
        yield _wider("period")
    if new.retention_days > asked.retention_days:
        yield _wider("retention")
    if not are_within(new.networks, asked.networks):
        yield _wider("networks")
    if asked.pinned_release not in (None, new.pinned_release):
        yield _wider("pinned release")
    if asked.members and not (new.members and set(new.members) <= set(asked.members)):
        yield _wider("members")
    if asked.fee_reference not in (None, new.fee_reference):
        yield _wider("fee reference")
    for name in loosened(new.safeguards, asked.safeguards):
        yield _wider(f"safeguard {name}")
    for unit in Quotas.model_fields:
        if not _at_most(getattr(new.quotas, unit), getattr(asked.quotas, unit)):
            yield _wider(f"quota of {unit}")


def _wider(what: str) -> Reason:
    text = Text(f"决定不得宽于申请：{what}。", f"A decision may not go beyond the application: {what}.")
    return Reason("decision-widens", text, BASIS, {"what": what})


def _at_most(new: int | None, asked: int | None) -> bool:
    return asked is None or (new is not None and new <= asked)


def _filters_more(new: RowFilter | None, asked: RowFilter | None) -> bool:
    """Whether `new` is `asked`, or `asked` and something besides. Compared by form, so a clever rewrite is refused."""
    if asked is None or new == asked:
        return True
    return new is not None and new.op == "and" and asked in new.args


def _within(new: ColumnTerm, asked: ColumnTerm | None) -> bool:
    """Whether the term shows no more than the one asked. A filter reads true values, so only `plain` contains `filter_only`; the same holds for statistics and joins."""
    if new.use is Use.DENIED or new == asked or (asked is not None and asked.use is Use.PLAIN):
        return True
    if asked is None or asked.use not in LEAVING:
        return False
    if new.mask is None:  # it is not masked
        return False
    if isinstance(new.mask, DropMask):
        return True
    return asked.mask is not None and _mask_hides_more(new.mask, asked.mask)


def _mask_hides_more(new: Mask, asked: Mask) -> bool:
    match new, asked:
        case RedactMask(), RedactMask() | KeepMask():
            return True
        case KeepMask(), KeepMask():
            return new.head <= asked.head and new.tail <= asked.tail
        case RoundMask(), RoundMask():
            return _divides(asked.step, new.step)
        case GridMask(), GridMask():
            return _divides(asked.step, new.step)
        case DivisionMask(), DivisionMask():
            return DIVISION_DIGITS[new.level] <= DIVISION_DIGITS[asked.level]
        case TruncateMask(), TruncateMask():
            return _UNITS.index(new.unit) >= _UNITS.index(asked.unit)
        case ClampMask(), ClampMask():
            low = asked.low is None or (new.low is not None and new.low >= asked.low)
            return low and (asked.high is None or (new.high is not None and new.high <= asked.high))
    return False


def _divides(fine: float, coarse: float) -> bool:
    return coarse >= fine and round(coarse / fine, 9).is_integer()
