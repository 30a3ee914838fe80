"""What is sent to a portal, what counts as changed there, and what is done about it. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from datasets.harvest.workflow import Result

Json = dict[str, Any]
KEY: Final = "datagrant_key"
"""The mark of a resource that is ours, by which it keeps its id there from push to push."""
GUID: Final = "guid"
_WORDS: Final = ("title", "notes", "url", "version", "author", "maintainer", "license_id")
_RESOURCE: Final = ("name", "description", "format", "url", "mimetype", "size", "hash", "resource_type")
_MADE_THERE: Final = frozenset(
    {"metadata_created", "metadata_modified", "creator_user_id", "isopen", "license_title", "license_url", "num_resources",
     "num_tags", "organization", "relationships_as_subject", "relationships_as_object"}
)  # fmt: skip
_NO_TAG: Final = re.compile(r"[^\w \-.]+")


class There(StrEnum):
    """What stands at the portal under our name or id. `foreign`: a dataset of somebody else's that has our name."""

    ABSENT = "absent"
    OURS = "ours"
    FOREIGN = "foreign"


def name_at(prefix: str, dataset_id: str) -> str:
    """The name there: ASCII, lower case, no dots, as CKAN wants it."""
    return f"{prefix}{dataset_id.lower()}".replace(".", "-")


def guid_of(site: str, dataset_id: str) -> str:
    """Who we are and which record: what tells ours from theirs, whatever its name."""
    return f"{site.rstrip('/')}/datasets/{dataset_id}"


def payload(shown: Mapping[str, Any], *, name: str, owner_org: str, guid: str) -> Json:
    """A package to create, from how everybody is shown the record (CKAN's `package_show`). Files are links."""
    extras = {
        str(each["key"]): str(each["value"])
        for each in shown["extras"]
        if each["value"] not in (None, "") and each["key"] != GUID
    }
    return {
        **{word: shown.get(word) or "" for word in _WORDS},
        "name": name,
        "owner_org": owner_org,
        "private": False,
        "tags": [{"name": word} for word in _tags(each["name"] for each in shown["tags"])],
        "extras": [{"key": key, "value": value} for key, value in sorted((extras | {GUID: guid}).items())],
        "resources": [_resource(each) for each in shown["resources"]],
    }


def _tags(words: Iterable[str]) -> list[str]:
    """Keywords as CKAN takes them: 2 to 100 letters, digits, blanks, `-`, `_`, `.`; what is left of others."""
    plain = (" ".join(_NO_TAG.sub(" ", word).split())[:100] for word in words)
    return sorted({word for word in plain if len(word) >= 2})


def _resource(each: Mapping[str, Any]) -> Json:
    key = str(each["format"]).lower() if each.get("release") else str(each["id"])
    return {KEY: key} | {name: each[name] for name in _RESOURCE if each.get(name) not in (None, "")}


def digest(wanted: Mapping[str, Any]) -> str:
    """What tells a changed record from an unchanged one."""
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def keys_of(wanted: Mapping[str, Any]) -> set[str]:
    """The extras that are ours."""
    return {each["key"] for each in wanted["extras"]}


def seen(package: Mapping[str, Any], keys: Iterable[str]) -> Json:
    """The part of a package that is ours, one level deep, so that two can be compared. `keys`: the extras that are ours.

    The portal's own is left out: organisation, groups, visibility, other extras, resources without our mark.
    """
    found: Json = {word: package.get(word) or "" for word in _WORDS}
    found["tags"] = sorted(
        each["name"] for each in package.get("tags") or [] if not each.get("vocabulary_id")
    )
    wanted = set(keys)
    for each in package.get("extras") or []:
        if each.get("key") in wanted:
            found[f"extras.{each['key']}"] = each["value"]
    for each in package.get("resources") or []:
        if key := each.get(KEY):
            found |= {
                f"resources.{key}.{name}": each[name]
                for name in _RESOURCE
                if each.get(name) not in (None, "")
            }
    return found


def keys_in(echo: Mapping[str, Any]) -> set[str]:
    """The extras that were ours when we last sent the record."""
    return {name.removeprefix("extras.") for name in echo if name.startswith("extras.")}


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Field by field [before, after]; what is on one side only has nothing on the other. Long texts are cut."""
    return {
        name: [_short(old.get(name)), _short(new.get(name))]
        for name in sorted({*old, *new})
        if (old.get(name) or None) != (new.get(name) or None)
    }


def is_as_sent(sent: Mapping[str, Any] | None, found: Mapping[str, Any]) -> bool:
    """Whether a portal shows what was sent to it, though its answer never came: a killed worker, a line that broke.
    Nothing was sent when it was to be deleted."""
    if not sent:
        return sent is not None and not found
    return all((found.get(name) or None) == (value or None) for name, value in sent.items())


def _short(value: object) -> object:
    return value[:300] + "…" if isinstance(value, str) and len(value) > 300 else value


def merged(package: Mapping[str, Any], wanted: Mapping[str, Any], formerly: Iterable[str] = ()) -> Json:
    """The package of the portal with our part renewed. What its own people added stays. `formerly`: extras that were ours."""
    ours = {*keys_of(wanted), *formerly}
    ids = {each[KEY]: each["id"] for each in package.get("resources") or [] if each.get(KEY)}
    theirs = [each for each in package.get("resources") or [] if not each.get(KEY)]
    return {
        **{name: value for name, value in package.items() if name not in _MADE_THERE},
        **{word: wanted[word] for word in _WORDS},
        "tags": [*wanted["tags"], *(each for each in package.get("tags") or [] if each.get("vocabulary_id"))],
        "extras": [*wanted["extras"], *_others(package.get("extras") or [], ours)],
        "resources": [
            *(each | ({"id": ids[each[KEY]]} if each[KEY] in ids else {}) for each in wanted["resources"]),
            *theirs,
        ],
    }


def _others(extras: Sequence[Mapping[str, Any]], ours: set[str]) -> list[Mapping[str, Any]]:
    return [each for each in extras if each["key"] not in ours]


def verdict(
    there: There, *, is_wanted: bool, is_known: bool, is_changed: bool, is_drifted: bool, may_overwrite: bool
) -> Result:
    """What is done about one record. is_known: we sent it before and it is not withdrawn there. is_changed: ours differs from what
    was sent. is_drifted: theirs differs from what it was then, or was deleted there."""
    if not is_wanted:
        return Result.GONE if is_known else Result.UNCHANGED
    if there is There.FOREIGN:
        return Result.FAILED
    if is_known and is_drifted and not may_overwrite:
        return Result.HELD
    if there is There.ABSENT:
        return Result.CREATED
    return Result.CHANGED if is_changed or is_drifted or not is_known else Result.UNCHANGED
