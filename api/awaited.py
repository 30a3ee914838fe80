"""Delivery forms that cannot be had of a dataset yet, for the forms of deciders: what is wanting, and which to grant all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import FormData

from api import safeguard_forms
from api.lookups import assets, holds
from auth.applications.queries import offered_policy
from auth.applications.workflow import State
from auth.asset import Asset
from auth.grants import activating
from auth.policy import serving
from auth.policy.limits import Limits
from auth.policy.model import GrantPolicy, Safeguards
from auth.policy.serving import Holding, Moment
from auth.policy.wording import form_named
from core.errors import NotFound, Reason, Unavailable
from core.text import Text
from core.work import Work


@dataclass(frozen=True, slots=True)
class Awaited:
    """Of one line. `options`: the forms that may be granted to wait; `chosen`: those that were."""

    reasons: tuple[Reason, ...]
    options: list[tuple[str, Text]]
    chosen: list[str]


def of_line(
    line_id: str, asked: GrantPolicy, asset: Asset, limits: Limits, holds: Callable[[], Holding], form: FormData | None
) -> Awaited:  # fmt: skip
    """What the terms asked for lack, under the safeguards that were typed. `holds` is asked only where it matters."""
    safeguards, forms = asked.safeguards, list(asked.delivery_forms)
    if form is not None:
        forms = [each for each in forms if each.value in form.getlist(f"forms-{line_id}")]
        with suppress(ValueError):  # told of beside
            safeguards = Safeguards.model_validate(safeguard_forms.read(line_id, form))
    held = holds() if serving.looks_at_holding(forms, safeguards) else Holding()
    case = replace(serving.case_of(asked, asset, limits, held), safeguards=safeguards)
    return Awaited(
        serving.objections(case, forms, Moment.DECISION),
        [(each.value, form_named(each)) for each in serving.waiting(case, forms)],
        given(line_id, form) if form is not None else [],
    )


def wanting(work: Work, policy: GrantPolicy) -> tuple[Reason, ...]:
    """Of a policy that is on offer or agreed: what is wanting before its grant can come into force."""
    try:
        held = assets(work, policy.dataset_id)
    except NotFound:
        return ()
    return activating.unserved(work, policy, held, holds(work))


def of_terms(work: Work, terms: dict[str, Any]) -> Iterator[tuple[Reason, ...]]:
    """The same by line of an application's terms, while they are on offer; a policy that this version cannot read is told of."""
    for line in terms["document"]["lines"]:
        try:
            found = (
                wanting(work, offered_policy(json.dumps(line["policy"])))
                if terms["state"] == State.OFFERED
                else ()
            )
        except Unavailable as fault:
            found = tuple(fault.reasons)
        yield found


def given(line_id: str, form: FormData) -> list[str]:
    """The forms that the decision form grants to wait."""
    return [str(each) for each in form.getlist(f"awaits-{line_id}")]
