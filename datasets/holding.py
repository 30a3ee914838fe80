"""What a dataset has for delivery forms besides its dictionary, gathered once for the rules (`auth.policy.serving`)."""

from __future__ import annotations

from auth.policy.serving import Holding
from core.errors import NotFound
from core.ids import DatasetId
from core.work import Work
from datasets.queries.private.caps import last_cap
from datasets.queries.private.rules import per_contributor
from datasets.queries.terms import in_force
from datasets.tracing import terms as mark_terms


def holding(work: Work, dataset_id: DatasetId) -> Holding:
    """Terms of statistics, budget and marks as they are now; nothing of a dataset that is gone."""
    terms = in_force(work, dataset_id)
    try:
        marked = frozenset(mark_terms.allowed(work, dataset_id))
    except NotFound:
        return Holding()
    return Holding(
        has_terms=terms is not None,
        per_contributor=per_contributor(terms) if terms else 0,
        has_budget=last_cap(work, dataset_id) is not None,
        marked=marked,
    )
