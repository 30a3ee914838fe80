"""Lists of the command line come in pages: the options that all such commands share, and the line that says what is left.

A route names the beginning of the next page in `next`: a number of records to leave out, the number of a page in a string, or a
mark that only it understands. Each goes with the option of the same meaning.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.text import Text

Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="Leave out so many from the first")]
Page = Annotated[int, typer.Option("--page", min=1, help="Which page of --limit records")]
After = Annotated[str, typer.Option("--after", help="Go on after the page before, as it said")]


def left(found: Any) -> Text | None:  # noqa: ANN401 - JSON
    """What a page of a list does not show, and the option that goes on; None where nothing is left."""
    if not isinstance(found, dict) or not found.get("next") or not isinstance(found.get("items"), list):
        return None
    here, following, total = len(found["items"]), found["next"], found.get("total")
    way, until = _way(following, here)
    if total is None:
        shown = Text(f"已列 {here} 条，还有", f"{here}, and there are more")
    elif until == here:
        shown = Text(f"共 {total} 条，已列 {here} 条", f"{here} of {total}")
    else:
        first = until - here + 1
        shown = Text(f"共 {total} 条，此为第 {first}–{until} 条", f"{first}-{until} of {total}")
    return Text(f"{shown.zh}；接着看请加 {way} {following}", f"{shown.en}; go on with {way} {following}")


def _way(following: Any, here: int) -> tuple[str, int]:  # noqa: ANN401 - JSON
    """The option, and how many records come before the next page, as far as `next` tells."""
    if isinstance(following, int):
        return "--offset", following
    if str(following).isdigit():
        return "--page", (int(following) - 1) * here
    return "--after", here
