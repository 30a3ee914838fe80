"""What a client sends of a package, judged in CKAN's words, and read into our own fields. Pure: asks no database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from pydantic import ValidationError

from catalog.ckan import shape
from catalog.ckan.errors import CkanError
from catalog.codes import load
from catalog.models import DatasetFields

Json = dict[str, Any]
Faults = dict[str, list[Any]]
NO_PART: Final = frozenset(
    {
        "upload",
        "image_upload",
        "callback",
        "include_datasets",
        "include_users",
        "include_tracking",
        "tracking_summary",
        "reason",
    }
)
_NAME: Final = re.compile(r"[a-z0-9_-]+")
_LENIENT_NAME: Final = re.compile(r"[a-z0-9_.-]+")
_TEXTS: Final = (
    "title",
    "notes",
    "url",
    "version",
    "author",
    "author_email",
    "maintainer",
    "maintainer_email",
    "license_id",
)
_LISTS: Final = ("tags", "extras", "resources", "groups")
_COUNTED: Final = frozenset(
    {"package_count", "num_followers", "users", "packages", "created", "revision_id", "id", "name"}
)
_OURS: Final = tuple(name for name in shape.EXTRAS if name in DatasetFields.model_fields)


def demand(faults: Mapping[str, list[Any]]) -> None:
    """Raises CkanError (Validation Error) with all of them."""
    if faults:
        raise CkanError("Validation Error", fields=faults)


def settled(doc: Json) -> Json:
    """`tag_string` as tags; nothing else is touched."""
    if "tags" in doc or not isinstance(said := doc.get("tag_string"), str):
        return doc
    words = [word.strip() for word in said.split(",") if word.strip()]
    return {key: value for key, value in doc.items() if key != "tag_string"} | {
        "tags": [{"name": word} for word in words]
    }


def package(doc: Mapping[str, Any], *, lenient: bool = False) -> Faults:
    """Everything that CKAN would not take. `lenient`: an import brings names and tags that were taken elsewhere."""
    faults = _name(doc.get("name"), _LENIENT_NAME if lenient else _NAME)
    if not doc.get("owner_org"):
        faults["owner_org"] = ["An organization must be provided"]
    for key in _TEXTS:
        if doc.get(key) is not None and not isinstance(doc[key], str):
            faults[key] = ["Must be a Unicode string value"]
    for key in _LISTS:
        if not isinstance(doc.get(key) or [], list) or not all(
            isinstance(each, dict) for each in doc.get(key) or []
        ):
            faults[key] = ["Only lists of dicts can be placed against subschema"]
    if not faults.keys() & set(_LISTS):
        faults |= _tags(doc, lenient=lenient) | _extras(doc) | resources(doc.get("resources") or [])
    return faults


def _name(name: object, pattern: re.Pattern[str]) -> Faults:
    if not name:
        return {"name": ["Missing value"]}
    if not isinstance(name, str):
        return {"name": ["Names must be strings"]}
    said = []
    if len(name) < 2:
        said.append("Must be at least 2 characters long")
    if len(name) > 100:
        said.append("Name must be a maximum of 100 characters long")
    if not pattern.fullmatch(name):
        said.append("Must be purely lowercase alphanumeric (ascii) characters and these symbols: -_")
    if name in ("new", "edit", "search"):
        said.append("That name cannot be used")
    return {"name": said} if said else {}


def _tags(doc: Mapping[str, Any], *, lenient: bool) -> Faults:
    found = []
    for each in doc.get("tags") or []:
        name = each.get("name")
        if not isinstance(name, str) or not name:
            found.append({"name": ["Missing value"]})
        elif len(name) > 100:
            found.append({"name": [f'Tag "{name[:40]}…" length is more than maximum 100']})
        elif len(name) < 2 and not lenient:
            found.append({"name": [f'Tag "{name}" length is less than minimum 2']})
        else:
            found.append({})
    return {"tags": found} if any(found) else {}


def _extras(doc: Mapping[str, Any]) -> Faults:
    found = []
    counts = Counter(str(each.get("key")) for each in doc.get("extras") or [])
    for each in doc.get("extras") or []:
        if not each.get("key"):
            found.append({"key": ["Missing value"]})
        elif counts[str(each["key"])] > 1:
            found.append({"key": [f'Duplicate key "{each["key"]}"']})
        elif "value" not in each:
            found.append({"value": ["Missing value"]})
        else:
            found.append({})
    return {"extras": found} if any(found) else {}


TAKEN: Final = "Resource id already exists."


def resources(links: list[Any]) -> Faults:
    """Links as a client sends them: an address of the web, or none; an id that is no other's."""
    found = []
    counts = Counter(each["id"] for each in links if isinstance(each.get("id"), str))
    for each in links:
        url = each.get("url") or ""
        fits = isinstance(url, str) and (
            not url or re.match(r"(https?|ftp)://", url) or ("://" not in url and ":" not in url)
        )
        said = {} if fits else {"url": ["Please provide a valid URL"]}
        own = each.get("id")
        if own not in (None, "") and not (isinstance(own, str) and len(own) <= 200):
            said["id"] = ["Must be a Unicode string value of 200 characters at most"]
        elif own and counts[own] > 1:
            said["id"] = [TAKEN]
        found.append(said)
    return {"resources": found} if any(found) else {}


def organization(doc: Mapping[str, Any]) -> Faults:
    faults = _name(doc.get("name"), _LENIENT_NAME)
    for key in ("title", "description", "image_url"):
        if doc.get(key) is not None and not isinstance(doc[key], str):
            faults[key] = ["Must be a Unicode string value"]
    return faults


def says_more(doc: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Whether what was sent differs from what is shown, apart from what is counted."""
    return any(shown.get(key) != value for key, value in doc.items() if key not in _COUNTED and key in shown)


def fields(doc: Mapping[str, Any]) -> tuple[Json, Faults]:
    """Our own fields as the package says them, and what of its extras does not fit (an import leaves that aside)."""
    words = [str(each["name"]) for each in doc.get("tags") or []]
    licences, themes, formats = load("license").codes, shape.themes(), load("file_format").codes
    extras = {str(each.get("key")): each.get("value") for each in doc.get("extras") or []}
    wanted: Json = {
        "title_zh": doc.get("title") or doc.get("name") or "", "description_zh": doc.get("notes") or "",
        "keywords": [word for word in words if not word.isascii()], "keywords_en": [word for word in words if word.isascii()],
        "license_id": doc["license_id"] if doc.get("license_id") in licences else "",
        "domain_code": next((code for each in doc.get("groups") or [] if (code := str(each.get("name", "")).upper()) in themes), ""),
    }  # fmt: skip
    if doc.get("maintainer"):
        wanted["contact"] = doc["maintainer"]
    found_formats = [str(each.get("format") or "").lower() for each in doc.get("resources") or []]
    if known := [each for each in dict.fromkeys(found_formats) if each in formats]:
        wanted["formats"] = known
    wanted |= {name: extras[name] for name in _OURS if extras.get(name) not in (None, "")}
    with suppress(ValidationError):  # nearly all of them fit together; what does not is found one by one
        whole = DatasetFields.model_validate(wanted)
        return {name: getattr(whole, name) for name in wanted}, {}
    taken: Json = {}
    faults: list[Json] = []
    for name, value in wanted.items():
        try:
            taken[name] = getattr(DatasetFields.model_validate({name: value}), name)
        except ValidationError as fault:
            faults.append({name: [str(fault.errors()[0]["msg"]).removeprefix("Value error, ")]})
    return taken, {"extras": faults} if faults else {}
