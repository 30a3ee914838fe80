"""Python regular expressions said in RE2, where both mean exactly the same.

Why this exists: DuckDB searches with RE2, whose `\\d \\w \\s` know ASCII only and whose `$` differs; a rule must
not pass on one engine and fail on the other because a digit is full-width. What RE2 cannot say (look-around,
back-references, `\\b`, flags) is left to Python itself.
"""

from __future__ import annotations

import re
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

_CLASSES: Final = {
    op.CATEGORY_DIGIT: r"\p{Nd}",
    op.CATEGORY_WORD: r"\p{L}\p{N}_",
    op.CATEGORY_SPACE: r"\t-\r\x1c-\x1f\x{85}\p{Z}",
}
_NEGATED: Final = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
}
_MAX_REPEAT: Final = 1000


class _Unsayable(Exception):
    pass


def to_re2(pattern: str) -> str | None:
    """The same search in RE2's words, or None when RE2 has no exact words for it."""
    try:
        tree = _parser.parse(pattern)
        if tree.state.flags & ~re.UNICODE.value:
            return None
        return _sequence(tree, tail=True)
    except (_Unsayable, re.error, RecursionError):
        return None


def like_to_regex(like: str, escape: str | None = None) -> str:
    """SQL's LIKE as an anchored Python pattern: `%` any text, `_` one character."""
    parts: list[str] = []
    signs = iter(like)
    for sign in signs:
        if escape and sign == escape:
            parts.append(re.escape(next(signs, "")))
        else:
            parts.append({"%": r"[\s\S]*", "_": r"[\s\S]"}.get(sign) or re.escape(sign))
    return r"\A" + "".join(parts) + r"\Z"


def _sequence(tree: Any, *, tail: bool) -> str:
    items = list(tree)
    return "".join(_item(*item, tail=tail and place == len(items) - 1) for place, item in enumerate(items))


def _item(kind: Any, value: Any, *, tail: bool) -> str:
    if kind is op.LITERAL:
        return _sign(value)
    if kind is op.NOT_LITERAL:
        return f"[^{_sign(value)}]"
    if kind is op.ANY:
        return r"[^\n]"
    if kind is op.IN:
        return _set(value)
    if kind is op.AT:
        return _anchor(value, tail)
    if kind is op.BRANCH:
        return "(?:" + "|".join(_sequence(branch, tail=tail) for branch in value[1]) + ")"
    if kind is op.SUBPATTERN:
        _, add, drop, inner = value
        if add or drop:
            raise _Unsayable
        return f"(?:{_sequence(inner, tail=tail)})"
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
        return _repeat(kind, *value)
    raise _Unsayable


def _sign(code: int) -> str:
    if 0xD800 <= code <= 0xDFFF:
        raise _Unsayable
    return f"\\x{{{code:x}}}"


def _anchor(where: Any, tail: bool) -> str:
    if where in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
        return r"\A"
    if where is op.AT_END_STRING:
        return r"\z"
    if where is op.AT_END and tail:
        return r"(?:\n?\z)"
    raise _Unsayable


def _repeat(kind: Any, least: int, most: Any, inner: Any) -> str:
    top = "" if most is op.MAXREPEAT else str(int(most))
    if least > _MAX_REPEAT or (top and int(top) > _MAX_REPEAT):
        raise _Unsayable
    lazy = "?" if kind is op.MIN_REPEAT else ""
    return f"(?:{_sequence(inner, tail=False)}){{{least},{top}}}{lazy}"


def _set(items: Any) -> str:
    items = list(items)
    negate = items[0][0] is op.NEGATE
    items = items[1:] if negate else items
    said = [value for kind, value in items if kind is op.CATEGORY]
    if any(value in _NEGATED and _NEGATED[value] in said for value in said):
        if negate:
            raise _Unsayable
        return r"(?s:.)"
    if len(items) == 1 and said and said[0] in _NEGATED:
        return f"[{'' if negate else '^'}{_CLASSES[_NEGATED[said[0]]]}]"
    return f"[{'^' if negate else ''}{''.join(_member(*item) for item in items)}]"


def _member(kind: Any, value: Any) -> str:
    if kind is op.LITERAL:
        return _sign(value)
    if kind is op.RANGE:
        return f"{_sign(value[0])}-{_sign(value[1])}"
    if kind is op.CATEGORY and value in _CLASSES:
        return _CLASSES[value]
    raise _Unsayable
