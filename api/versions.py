"""Nobody overwrites what he has not seen: whoever takes a step says which version he looked at.

One rule for every step on a record. A route whose body or query has a `version` takes it there or in the If-Match header; without either the step is
refused, with two that differ too, and when the record has moved on the answer is 412 with its version and state. `LateRoute` puts the rule into
each such route, so that no route can forget it; records with ETags of their own (datasets, suites) ask for them by `ExpectedVersion`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Final, get_type_hints

from fastapi import Depends, Header, Response
from pydantic import BaseModel

from core.errors import InputRefused
from core.text import Text

_GIVEN: Final = "if_match_"
_ANSWER: Final = "answer_"
NAME: Final = "version"
OURS: Final = "/api/v1/"


def expected_version(
    if_match: Annotated[
        str | None, Header(description='The version seen, as its ETag: `"3"`; `*` for any')
    ] = None,
) -> int | None:
    """The version in If-Match; None for `*`. Raises InputRefused when it is missing or not one of ours."""
    given = (if_match or "").strip()
    if given == "*":
        return None
    if found := re.fullmatch(r'(?:W/)?"?(\d{1,9})"?', given):
        return int(found.group(1))
    raise InputRefused(
        Text(
            "请用 If-Match 头说明您依据的版本（先读取记录，取其 ETag；* 表示任意版本）。",
            "Say in the If-Match header which version you saw (read the record, take its ETag; * means any).",
        ),
        header="If-Match",
    )


async def seen_version(
    if_match: Annotated[
        str | None, Header(description='The version seen, as its ETag: `"3"`; or `version` in the request')
    ] = None,
) -> int | None:
    """The version in If-Match, where the request may say it itself."""
    return expected_version(if_match) if if_match else None


def etag(version: int) -> dict[str, str]:
    """The header that names a version."""
    return {"ETag": f'"{version}"'}


def the_version(header: int | None, said: int | None) -> int:
    """The one version that a step was asked for on. Raises InputRefused when there is none, or two."""
    if header is not None and said is not None and header != said:
        raise InputRefused(
            Text(
                f"If-Match（{header}）与 version（{said}）不一致；请只说明您看到的那一个版本。",
                f"If-Match ({header}) and version ({said}) differ; name the one version that you saw.",
            ),
            missing=NAME,
        )
    if (found := header if header is not None else said) is None:
        raise unsaid()
    return found


def unsaid() -> InputRefused:
    return InputRefused(
        Text(
            "请说明您看到的版本：先读取记录，把其 version 放在请求的 version 或 If-Match 头中；页面请刷新后重试。",
            "Say which version you saw: read the record, then send its version as `version` or in If-Match; on a page, reload and try again.",
        ),
        missing=NAME,
    )


def guarded(endpoint: Callable[..., Any], path: str, methods: set[str]) -> Callable[..., Any]:
    """The endpoint, asking for the version where there is room for one in its request (`/releases`: of the batch in its body); it names that of what it answers.

    In the interface of our own alone: a `version` of Delta Sharing is that of a table's data.
    """
    if not path.startswith(OURS) or inspect.iscoroutinefunction(endpoint) or methods <= {"GET", "HEAD"}:
        return endpoint
    parameters = inspect.signature(endpoint).parameters
    hints = get_type_hints(endpoint, include_extras=True)
    holder = next((name for name in parameters if _holds_version(name, hints.get(name))), None)
    if holder is None or _GIVEN in parameters:
        return endpoint
    answer = next((name for name in parameters if hints.get(name) is Response), _ANSWER)

    @wraps(endpoint)
    def asked(**given: Any) -> Any:  # noqa: ANN401 - whatever the endpoint takes and gives
        header, held = given.pop(_GIVEN), given[holder]
        if isinstance(held, BaseModel):
            version = the_version(header, held.version)  # type: ignore[attr-defined]
            given[holder] = held.model_copy(update={NAME: version})
        else:
            given[holder] = the_version(header, held)
        response: Response = given.pop(_ANSWER) if answer == _ANSWER else given[answer]
        done = endpoint(**given)
        if isinstance(done, BaseModel) and isinstance(now := getattr(done, NAME, None), int):
            response.headers.update(etag(now))
        return done

    own = [each.replace(annotation=hints.get(name, each.annotation)) for name, each in parameters.items()]
    more = [inspect.Parameter(_GIVEN, inspect.Parameter.KEYWORD_ONLY, annotation=SeenVersion)]
    if answer == _ANSWER:
        more.append(inspect.Parameter(_ANSWER, inspect.Parameter.KEYWORD_ONLY, annotation=Response))
    asked.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*own, *more], return_annotation=hints.get("return", inspect.Signature.empty)
    )
    return asked


def _holds_version(name: str, hint: object) -> bool:
    if inspect.isclass(hint) and issubclass(hint, BaseModel):
        return NAME in hint.model_fields
    return name == NAME


ExpectedVersion = Annotated[int | None, Depends(expected_version)]
SeenVersion = Annotated[int | None, Depends(seen_version)]
