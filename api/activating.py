"""Putting a grant into force, with what the other rooms must do then: the same for page and route."""

from __future__ import annotations

from functools import partial

from api.lookups import assets, has_release, holds
from auth.actor import Actor
from auth.grants import activating
from auth.grants.reading import GrantRead
from auth.grants.steps import GrantStep
from core.ids import GrantId
from core.work import Work
from datasets import carrying


def activated(work: Work, actor: Actor, grant_id: GrantId, body: GrantStep) -> GrantRead:
    """The grant in force; what waited under the one that it amends goes on under it. Raises what `service.activate` does."""
    return activating.activate(
        work, actor, grant_id, body, assets=partial(assets, work), has_release=has_release(work), holds=holds(work), go_on=carrying.go_on
    )  # fmt: skip
