"""Tests of one text value that no SQL function answers exactly; both engines call these very functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import dateutil.parser  # type: ignore[import-untyped]

from quality.own import areas, datums, identifiers
from quality.patience import Test

CACHE: Final = 65_536
Predicate = Callable[[str, str], bool]


@lru_cache(maxsize=CACHE)
def matches(text: str, pattern: str) -> bool:
    """Python's `re.search`: the reference meaning of every regex rule."""
    return re.search(pattern, text) is not None


@lru_cache(maxsize=CACHE)
def has_format(text: str, strftime_format: str) -> bool:
    try:
        datetime.strptime(text, strftime_format)  # noqa: DTZ007 - only the form is asked
    except ValueError:
        return False
    return True


@lru_cache(maxsize=CACHE)
def is_date_like(text: str, _: str) -> bool:
    try:
        dateutil.parser.parse(text)
    except (ValueError, OverflowError):
        return False
    return True


@lru_cache(maxsize=CACHE)
def is_json(text: str, _: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@lru_cache(maxsize=CACHE)
def obeys_schema(text: str, schema: str) -> bool:
    """Text that is not JSON does not obey any schema."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return bool(_validator(schema).is_valid(value))


def schema_text(schema: Any) -> str:
    """A JSON schema as the text by which it is passed on."""
    return json.dumps(schema, sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=16)
def _validator(schema: str) -> Any:
    import jsonschema  # type: ignore[import-untyped]

    parsed = json.loads(schema)
    kind = jsonschema.validators.validator_for(parsed)
    kind.check_schema(parsed)
    return kind(parsed)


def has_patterns(schema: str) -> bool:
    """Whether a schema's text holds regular expressions, whose cost nobody can tell."""
    return '"pattern' in schema


# Asked of a child process under a deadline (`quality.patience`), by the name of the function in SQL.
PATIENT: Final[Mapping[str, Test]] = {"dg_matches": "matches", "dg_obeys_patiently": "obeys_schema"}
PREDICATES: Final[Mapping[str, Predicate]] = {
    "dg_has_format": has_format,
    "dg_is_date_like": is_date_like,
    "dg_is_json": is_json,
    "dg_obeys_schema": obeys_schema,
    "dg_is_credit_code": identifiers.is_credit_code,
    "dg_holds_phone_number": identifiers.holds_phone_number,
    "dg_holds_card_number": identifiers.holds_card_number,
    "dg_lies_in": areas.lies_in,
    "dg_fits_crs": datums.fits,
}
