"""CKAN's own errors: type, status, and either a message or messages by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core import errors
from core.errors import AppError
from core.text import Lang, Text

STATUS: Final[Mapping[str, int]] = {
    "Not Found Error": 404,
    "Authorization Error": 403,
    "Validation Error": 409,
    "Search Query Error": 400,
    "Search Error": 409,
    "Not Ready Error": 429,
    "Internal Server Error": 500,
    "Not Available Error": 503,
}


class CkanError(Exception):
    """What stands under `error` in the envelope. Clients drop a message up to its first `": "`, so each has one.

    `retry_after_s`: when asking again is worth it; 0 = not said.
    """

    def __init__(
        self, kind: str, message: str = "", fields: Mapping[str, list[str]] | None = None, *, retry_after_s: int = 0
    ) -> None:  # fmt: skip
        super().__init__(message or str(fields))
        self.kind, self.message, self.fields, self.retry_after_s = (
            kind,
            message,
            dict(fields or {}),
            retry_after_s,
        )

    @property
    def status(self) -> int:
        return STATUS[self.kind]

    def as_json(self) -> dict[str, object]:
        said: dict[str, object] = {"message": self.message} if self.message else {}
        return {"__type": self.kind, **self.fields, **said}


SIGN_IN: Final = Text(
    "请先登录：在请求头 Authorization 中发送 API 密钥。",
    "sign in: send an API key in the header Authorization.",
)


def not_found(what: str) -> CkanError:
    return CkanError("Not Found Error", f"Not found: {what}")


def denied(why: str | Text) -> CkanError:
    """A refusal: in CKAN's own words, or, where the reason is ours, in both languages; its clients ask for none."""
    said = why if isinstance(why, str) else f"{why.en} {why.zh}"
    return CkanError("Authorization Error", f"Access denied: {said}")


def invalid(**fields: str) -> CkanError:
    return CkanError("Validation Error", fields={name: [message] for name, message in fields.items()})


def bad_query(why: str) -> CkanError:
    return CkanError("Search Query Error", f"SOLR returned an error: {why}")


def translated(error: AppError, lang: Lang) -> CkanError:
    """Our own refusals in CKAN's types."""
    said = error.detail.in_(lang)
    if isinstance(error, errors.NotFound):
        return not_found(said)
    if isinstance(error, errors.AccessRefused | errors.NotSignedIn):
        codes = [reason.code for reason in error.reasons]
        return CkanError(
            "Authorization Error", f"Access denied: {said}", {"reasons": codes} if codes else None
        )
    if isinstance(error, errors.Unavailable):
        return CkanError("Not Available Error", f"Not available: {said}")
    if isinstance(error, errors.InputRefused) and "field" in error.facts:
        return CkanError("Validation Error", f"Refused: {said}", {str(error.facts["field"]): [said]})
    return CkanError("Validation Error", f"Refused: {said}", {"refused": [said]})
