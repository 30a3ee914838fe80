"""What names a rule across versions of a suite and across batches: tickets, waivers and trends go by these keys.

A rule is known by its `meta.rule_id`; without one, by its type and arguments. Its digest tells whether it is still the
same rule: a key stays when a bound is moved, a digest does not.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, Protocol

_LONGEST: Final = 80


class Rule(Protocol):
    """An expectation or its outcome."""

    type: str
    kwargs: dict[str, Any]
    meta: dict[str, Any]


def digest_of(rule: Rule) -> str:
    """SHA-256 of type and arguments."""
    said = json.dumps([rule.type, rule.kwargs], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def keys_of(rules: Sequence[Rule]) -> list[str]:
    """A key for each rule of one suite; two different rules never share one, even under the same id."""
    digests = [digest_of(rule) for rule in rules]
    bare = [_bare(rule, digest) for rule, digest in zip(rules, digests, strict=True)]
    meant: dict[str, set[str]] = defaultdict(set)
    for key, digest in zip(bare, digests, strict=True):
        meant[key].add(digest)
    return [
        key if len(meant[key]) == 1 else f"{key}~{digest[:8]}"
        for key, digest in zip(bare, digests, strict=True)
    ]


def _bare(rule: Rule, digest: str) -> str:
    given = str(rule.meta.get("rule_id") or "").strip()
    return given if 0 < len(given) <= _LONGEST else digest[:16]
