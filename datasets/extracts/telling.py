"""How many rows a plan may tell of: pure rules. A plan that tells exact numbers for any filter would be a way to read values for nothing.

Exactly told are the rows of a filter on columns that leave, where no checker stands between the file and who asks. Otherwise
the number is rounded, in steps, from a point that differs by question and cannot be known; and conditions on columns that a
grant only filters by are left open: what they hold never leaves, so no number may follow it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from auth.grants.view import GrantView
from auth.policy.filters.model import All, Any_, Node, Not, RowFilter
from auth.policy.filters.rules import columns_of
from auth.policy.model import GrantPolicy, Use

BYTES_STEP: Final = 65_536


def is_exact(asked: RowFilter | None, policy: GrantPolicy, checkers: int) -> bool:
    """Whether the rows of this filter are told as they are."""
    return checkers < 1 and not (columns_of(asked) & hidden_of(policy))


def is_counted(asked: RowFilter | None, checkers: int) -> bool:
    """Whether a plan goes on record and counts among those of the day: all but that of a whole grant without checkers."""
    return asked is not None or checkers > 0


def hidden_of(policy: GrantPolicy) -> frozenset[str]:
    """The columns that the grant filters by and never lets leave."""
    return frozenset(term.name for term in policy.columns if term.use is Use.FILTER_ONLY)


def widened(asked: RowFilter | None, hidden: frozenset[str]) -> RowFilter | None:
    """The filter with its conditions on hidden columns left open: every row passes that could. None: all rows may."""
    if asked is None:
        return None
    wide = _open(asked, hidden, may=True)
    return None if wide is True else wide or None


def _open(node: Node, hidden: frozenset[str], *, may: bool) -> Node | bool:
    """The node where hidden conditions are `may`; inside `not` the other way round."""
    match node:
        case All() | Any_():
            parts = [_open(part, hidden, may=may) for part in node.args]
            ends = isinstance(node, Any_)  # one true part ends an `or`, one false part an `and`
            if ends in [part for part in parts if isinstance(part, bool)]:
                return ends
            kept = tuple(part for part in parts if not isinstance(part, bool))
            if not kept:
                return not ends
            return type(node)(op=node.op, args=kept)
        case Not():
            part = _open(node.arg, hidden, may=not may)
            return not part if isinstance(part, bool) else Not(op="not", arg=part)
        case _:
            return may if node.column in hidden else node


def rounded(rows: int, step: int, key: bytes, question: str) -> int:
    """The number in steps, rounded from a point that the key and the question give: nobody can pad a number to an edge."""
    if step < 2:
        return rows
    turn = int.from_bytes(hmac.new(key, question.encode(), hashlib.sha256).digest()[:8], "big") % step
    return (rows + turn) // step * step


def reserved(rows: int, size_bytes: int, grant: GrantView, step: int) -> dict[str, int]:
    """What a file that waits for its checkers takes of the quotas: in steps, so that the quota tells no exact number either.

    Where less is left than the step, all that is left: a file that fits is not kept out by rounding. What does not fit is exact, to be refused.
    """
    limits, used = grant.policy.quotas, grant.used
    found = {}
    for unit, exact, each in (("rows", rows, step), ("bytes", size_bytes, BYTES_STEP)):
        most = getattr(limits, unit)
        up = -(-exact // each) * each if each > 1 else exact
        left = up if most is None else most - getattr(used, unit)
        found[unit] = max(exact, min(up, left))
    return found
