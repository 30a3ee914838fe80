"""Official shapes and schemas made ready to judge with, for tests and for the campaign over many records."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import jsonschema
import rdflib

SH: Final = rdflib.Namespace("http://www.w3.org/ns/shacl#")


def shapes(folder: Path, *names: str) -> rdflib.Graph:
    """Published shapes; five references in them lead to property shapes that are published nowhere, and are left out."""
    found = rdflib.Graph()
    for name in names:
        found.parse(folder / name)
    for triple in list(found.triples((None, SH.property, None))):
        if (triple[2], SH.path, None) not in found:
            found.remove(triple)
    return found


def dcat_us_judge(folder: Path) -> jsonschema.Draft7Validator:
    """DCAT-US 3's catalogue schema from its published parts; formats of dates are looked at too."""
    schema = json.loads((folder / "dcat_us_3.0.0_schema.json").read_text())
    held = {
        name: json.loads((folder / "definitions" / f"{name}.json").read_text())
        for name in schema["definitions"]
    }
    missing = set(re.findall(r'"#/definitions/(\w+)"', json.dumps(held))) - set(
        held
    )  # named, published nowhere
    whole = {
        "definitions": held | {name: {"type": "object"} for name in missing},
        "$ref": "#/definitions/Catalog",
    }
    checker = jsonschema.FormatChecker(formats=())
    checker.checks("date-time", ValueError)(lambda told: "T" in told and bool(datetime.fromisoformat(told)))
    checker.checks("date", ValueError)(lambda told: bool(date.fromisoformat(told)) and "T" not in told)
    return jsonschema.Draft7Validator(_without_ids(whole), format_checker=checker)


def _without_ids(schema: Any) -> Any:
    """`$id` in these schemas names a term, not a place to resolve references from."""
    if isinstance(schema, dict):
        return {key: _without_ids(value) for key, value in schema.items() if key not in ("$id", "$schema")}
    return [_without_ids(each) for each in schema] if isinstance(schema, list) else schema
