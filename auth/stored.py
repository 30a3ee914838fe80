"""What is stored as JSON, read by a version that may not know all its words: what cannot be read is refused in words and not carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Final, TypeVar

from pydantic import ValidationError

from auth.policy.rules import POLICY
from core.errors import Reason, Unavailable
from core.text import Text

R = TypeVar("R")
B = TypeVar("B")
UNREADABLE: Final = Text("本版本无法读取", "Cannot be read by this version")
_WHOLE: Final = Text("全文", "the whole")


@contextmanager
def readable(unreadable: Text, *, basis: str = POLICY, **about: object) -> Iterator[None]:
    """Around reading what is stored. Raises Unavailable where it holds what this version does not know.

    `unreadable`: what is then said, with `{places}` for what is not known and the names of `about`: words of people belong there; `basis`:
    what is carried out by it.
    """
    try:
        yield
    except (ValidationError, JSONDecodeError) as fault:
        places = _places(fault)
        said = Text(
            unreadable.zh.format(places=places.zh, **about), unreadable.en.format(places=places.en, **about)
        )
        raise Unavailable(said, reasons=[Reason("policy-unenforceable", said, basis)]) from fault


def _places(fault: ValidationError | JSONDecodeError) -> Text:
    """The first ten, by their names in the data; the whole where no place is at fault by itself."""
    faults = fault.errors() if isinstance(fault, ValidationError) else ()
    named = ", ".join(sorted({".".join(map(str, each["loc"])) for each in faults} - {""})[:10])
    return Text(named, named) if named else _WHOLE


def if_readable(read: Callable[[R], B], row: R) -> B | None:
    """What `read` makes of a row, for lists that show the row without it: None where this version cannot read it."""
    try:
        return read(row)
    except Unavailable:
        return None
