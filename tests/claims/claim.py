"""A promised line with the tests that fail when it is broken, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """`tests`: as `folder/file::name`, without the `test_` of both (a machine by its whole name). `why`: what is missing, or why nothing can be tested."""

    line: str
    tests: tuple[str, ...] = ()
    why: str = ""

    def ids(self) -> list[str]:
        """The tests as pytest names them."""
        return [whole(each) for each in self.tests]


def whole(short: str) -> str:
    """`auth/identity/tokens::good_token_says_who` as pytest names it."""
    file, _, name = short.partition("::")
    folder, _, stem = file.rpartition("/")
    return f"tests/{folder + '/' if folder else ''}test_{stem}.py::{name if name.startswith('Test') else 'test_' + name}"


def held(line: str, *tests: str, why: str = "") -> Claim:
    """A line that these tests hold; `why`: what they do not."""
    return Claim(line, tests, why)


def open_(line: str, why: str) -> Claim:
    """A line without a test, and why."""
    return Claim(line, (), why)
