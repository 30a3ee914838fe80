"""Who may answer a revocation, and when a bar on applying again holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final, Literal

from auth.policy.separation import BASIS, Doer, Past, not_of_the_applicant
from auth.revocations.workflow import State, Step
from core.errors import InputRefused, Reason
from core.text import Text

BarScope = Literal["dataset", "datasets", "everything"]
BAR_SCOPES: Final[Mapping[BarScope, Text]] = {
    "dataset": Text("本授权的数据集", "The grant's dataset"),
    "datasets": Text("本授权的与另行列明的数据集", "The grant's and the datasets named"),
    "everything": Text("本机构的一切数据", "Everything, for this organisation"),
}
RULE: Final = "撤销须由两人办理 · a revocation takes two people"


def objections(
    step: Step, doer: Doer, *, revoked_by: Past, org_id: str, evidence: str, is_barred: bool
) -> Iterator[Reason]:
    """Every reason against this answer. Adding evidence is open to whoever may revoke."""
    if step in (Step.CONFIRM, Step.OBJECT, Step.LIFT):
        yield from not_of_the_applicant(doer, org_id, ())
    if step in (Step.CONFIRM, Step.OBJECT) and doer.did(revoked_by):
        text = Text(
            "您作出了该撤销，须由另一人确认。",
            "You revoked this grant; another person must confirm it.",
        )
        yield Reason("revoker-does-not-confirm", text, BASIS)
    if step is Step.CONFIRM and not evidence.strip():
        text = Text(
            "尚未写明证据；请先补充证据，再由第二人确认。",
            "No evidence is given yet; add it, then a second person confirms.",
        )
        yield Reason("revocation-without-evidence", text, RULE)
    if step is Step.LIFT and not is_barred:
        text = Text("该撤销没有仍有效的申请限制。", "No bar of this revocation is in force.")
        yield Reason("no-bar", text, RULE)


def demand_scope(scope: BarScope, named: Sequence[str], months: int) -> None:
    """Raise InputRefused where the bar does not say for what it is."""
    if named and scope != "datasets":
        raise InputRefused(
            Text("列明数据集时，限制范围须为“本授权的与另行列明的数据集”。", "Datasets are named only where the bar is for the datasets named."),
            field="bar_datasets",
        )  # fmt: skip
    if scope == "datasets" and not named:
        raise InputRefused(
            Text("请列明限制申请的数据集。", "Name the datasets that may not be applied for."),
            field="bar_datasets",
        )
    if scope != "dataset" and not months:
        raise InputRefused(
            Text("请填写限制的月数；没有期限的范围不生效。", "Say for how many months; a bar without a time bars nothing."), field="bar_months"
        )  # fmt: skip


def covers(scope: str, own: str, named: Sequence[str], dataset_id: str) -> bool:
    """Whether a bar that holds keeps its holder from this dataset."""
    return scope == "everything" or dataset_id == own or dataset_id in named


def bars(state: State, bar_until: date | None, confirm_by: datetime, now: datetime, today: date) -> bool:
    """Whether the holder is kept from applying: by one person for the day of the confirmation, for longer by two."""
    if bar_until is None or today >= bar_until:
        return False
    return state is State.CONFIRMED or (state is State.WAITS and now < confirm_by)
