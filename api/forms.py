"""Forms that fail keep what was typed: a refusal comes back as a value, a malformed field as a sentence at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from starlette.datastructures import FormData

from api.house import House
from core.errors import AppError, InputRefused
from core.faults import sentences as sentences
from core.text import Text
from core.work import Work

T = TypeVar("T")


async def _typed(request: Request) -> FormData:
    return await request.form()


Typed = Annotated[FormData, Depends(_typed)]


@contextmanager
def reading(zh: str, en: str, word: str) -> Iterator[None]:
    """Say in the reader's language what a value should be where Python would say it in its own words."""
    try:
        yield
    except ValueError:
        shown = word.strip()[:80]
        raise InputRefused(Text(f"{zh}“{shown}”。", f"{en} “{shown}”.")) from None


def tried(house: House, act: Callable[[Work], T]) -> T | AppError:
    """Do it in a transaction of its own; a refusal comes back as a value, so that the form can be shown again as typed."""
    try:
        with house.write() as work:
            return act(work)
    except AppError as refused:
        return refused
