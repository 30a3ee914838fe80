"""What an assistant may ask over the Model Context Protocol: reading alone, each tool one call on a service that routes use too.

A tool sees what its caller sees: a visitor the public catalogue, a key's owner what his roles show him.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auth.actor import Actor
from auth.grants import reading
from catalog import codes, service
from catalog.assets import asset
from catalog.search.engine import Search, search
from catalog.search.models import as_read
from core.errors import InputRefused
from core.text import Lang, Text
from core.work import Work
from datasets import scoring
from datasets.releases import access, queries

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """On whose behalf, in which language, under which address the service is reached."""

    work: Work
    actor: Actor
    lang: Lang
    site: str


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    title: str
    description: str
    properties: Mapping[str, dict[str, Any]]
    required: tuple[str, ...]
    run: Callable[[Desk, Arguments], Any]

    @property
    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }


def _search(desk: Desk, given: Arguments) -> Any:  # noqa: ANN401 - JSON
    chosen = {
        key: [str(given[key])] for key in ("theme", "publisher", "open_type", "region") if given.get(key)
    }
    words = str(given.get("query", ""))
    limit, offset = min(int(given.get("limit", 10)), 50), int(given.get("offset", 0))
    ask = Search(words, chosen, "relevance" if words else "newest", limit, offset, desk.lang)
    return as_read(desk.work, search(desk.work, desk.actor, ask), ask).model_dump(mode="json")


def _dataset(desk: Desk, given: Arguments) -> Any:  # noqa: ANN401 - JSON
    found = service.show(desk.work, desk.actor, given["dataset_id"]).model_dump(mode="json")
    return found | {"page": f"{desk.site}/datasets/{found['id']}"}


def _dictionary(desk: Desk, given: Arguments) -> Any:  # noqa: ANN401 - JSON
    return service.show_dictionary(desk.work, desk.actor, given["dataset_id"]).model_dump(mode="json")


def _quality(desk: Desk, given: Arguments) -> Any:  # noqa: ANN401 - JSON
    return scoring.quality_of(desk.work, desk.actor, given["dataset_id"]).model_dump(mode="json")


def _codes(desk: Desk, given: Arguments) -> Any:  # noqa: ANN401, ARG001 - JSON; lists are the same for everybody
    return codes.load(str(given["name"])).as_json()


def _how_to_get(desk: Desk, given: Arguments) -> Any:  # noqa: ANN401 - JSON
    """Why the data are open or not, where to take or apply for them, and the caller's own grants on them."""
    record = service.show(desk.work, desk.actor, given["dataset_id"])
    release = queries.current_row(desk.work, record.id)
    reasons = (
        access.open_refusals(desk.work, release)
        if release
        else access.open_objections(asset(desk.work, record.id))
    )
    files = (
        {form: f"{desk.site}/api/v1/releases/{release.id}/file?format={form}" for form in ("parquet", "csv")}
        if release
        else {}
    )
    mine = (
        reading.grants(desk.work, desk.actor, dataset_id=record.id)[0]
        if desk.actor.may("auth:grant:read")
        else []
    )
    may_apply = record.open_type == "C" or record.auth_op_scope != "no"
    return {
        "dataset_id": record.id,
        "is_free_for_everybody": release is not None and not reasons,
        "why_not": [reason.as_json(desk.lang) for reason in reasons],
        "has_release": release is not None,
        "files": files if release and not reasons else {},
        "apply_at": f"{desk.site}/applications/new?dataset={record.id}" if reasons and may_apply else None,
        "conditions": Text(record.open_condition, record.open_condition_en or record.open_condition).in_(desk.lang),
        "your_grants": [
            {
                "id": grant.id, "state": grant.state, "is_effective": grant.is_effective,
                "why_not": grant.why_not, "page": f"{desk.site}/grants/{grant.id}",
            }
            for grant in mine
        ],
    }  # fmt: skip


_ID: Final = {"dataset_id": {"type": "string", "description": "Resource code, such as DP-PK-001"}}
TOOLS: Final[Mapping[str, Tool]] = {
    tool.name: tool
    for tool in (
        Tool(
            "search_datasets", "Search the catalogue",
            "Find datasets by words (Chinese or English, all must be found) and facets. Answers records with counts by facet.",
            {
                "query": {"type": "string", "description": "Words; left out: the newest"},
                "theme": {"type": "string", "description": "Theme code: see list_codes domain"},
                "publisher": {"type": "string", "description": "Organisation id"},
                "open_type": {"type": "string", "enum": ["U", "C", "N"], "description": "U open, C on conditions, N not open"},
                "region": {"type": "string", "description": "Division of GB/T 2260 by its code (310000 holds 310101)"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50},
                "offset": {"type": "integer", "minimum": 0, "maximum": 100_000},
            },
            (), _search,
        ),
        Tool("show_dataset", "One record", "The whole record of a dataset.", _ID, ("dataset_id",), _dataset),
        Tool("show_dictionary", "Its columns", "The data dictionary: columns with types, units, levels, code lists.", _ID, ("dataset_id",), _dictionary),
        Tool("show_quality", "Its quality", "Scores by GB/T 36344 over the releases, and what to mend first.", _ID, ("dataset_id",), _quality),
        Tool(
            "how_to_get", "How to get the data",
            "Whether the data may be taken by everybody, why not, where to apply, and the caller's own grants.", _ID, ("dataset_id",), _how_to_get,
        ),
        Tool(
            "list_codes", "A code list", f"The values of a coded field. Lists: {', '.join(codes.names())}.",
            {"name": {"type": "string", "enum": list(codes.names())}}, ("name",), _codes,
        ),
    )
}  # fmt: skip


def call(desk: Desk, name: str, given: Arguments) -> Any:  # noqa: ANN401 - JSON
    """The tool's answer. Raises InputRefused for a tool or arguments that there are not, and what its service raises."""
    tool = TOOLS.get(name)
    if tool is None:
        known = ", ".join(TOOLS)
        raise InputRefused(
            Text(f"没有工具 {name}；现有：{known}。", f"There is no tool {name}; there are: {known}.")
        )
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    if faults := [fault.message for fault in Draft202012Validator(tool.schema).iter_errors(dict(given))]:
        listed = "; ".join(faults[:5])
        raise InputRefused(Text(f"参数不符合要求：{listed}", f"The arguments do not fit: {listed}"))
    return tool.run(desk, given)
