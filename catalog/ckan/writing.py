"""Packages, links and organisations, written by those who may write records anywhere.

A record that is made here is a draft of its department until it is published like any other, and a change of a published
one waits for a second person (`catalog.proposals`); the answer says so. Only while
the administrator's import is open (`catalog.imports`) do records stand published at once, word for word as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy
from pydantic import ValidationError
from sqlalchemy import CompoundSelect, bindparam, func
from sqlmodel import col, select

from auth.actor import PLATFORM
from auth.identity import organisations
from catalog import imports, queries, service
from catalog.ckan import checks, shape
from catalog.ckan.actions import Action, Call, find, packages
from catalog.ckan.checks import Json
from catalog.ckan.errors import SIGN_IN, denied, invalid, not_found
from catalog.ckan.listings import group_show, organization_show
from catalog.models import DatasetCreate, DatasetUpdate
from catalog.proposals import service as proposals
from catalog.proposals.models import ProposalRead
from catalog.tables import DatasetRow, DescriptionRow, OrgDescriptionRow
from catalog.workflow import State
from core.errors import NotFound
from core.text import Text
from core.work import fetched

DRAFT: Final = "this record is a draft of its department: it is published at {site}/datasets/{id} once it is complete and reviewed"
WAITING: Final = (
    "this record is published: the change waits for a second person at {site}/record-proposals/{id}"
)
TOO_LATE: Final = Text(
    "导入已于 {ended}（UTC）结束，共收下 {records} 条，本条未收下。请在 {site}/imports（或 datagrant imports open --minutes …）重新开启更长时间，"
    "再载入同一文件：已有的记录保持不变。不带 id 的记录会登记为草稿。",
    "the import ended at {ended} UTC, after {records} records, and this record was not taken. Open it again for longer at "
    "{site}/imports (or `datagrant imports open --minutes …`) and load the same file once more: what stands already stays as it is. "
    "A record without `id` is entered as a draft.",
)
_NAMES: Final = Text(
    "部门在 /admin（或 datagrant org）登记；其名称不通过此接口修改。",
    "departments are entered at /admin (or `datagrant org`); their names are not changed through this API.",
)
_MOST_BYTES: Final = 1_000_000
_TAKEN: Final[CompoundSelect[tuple[str]]] = sqlalchemy.union_all(
    sqlalchemy.select(col(DatasetRow.id)).where(
        func.lower(col(DatasetRow.id)).in_(bindparam("codes", expanding=True))
    ),
    sqlalchemy.select(col(DescriptionRow.dataset_id)).where(col(DescriptionRow.name) == bindparam("name")),
)


def package_create(call: Call) -> Json:
    """Enter a record: `name`, `owner_org`, and what else is known. A draft, unless an import is open."""
    if not call.actor.may(queries.WRITE):
        raise denied(
            Text(
                "只有为部门登记记录的人可以新建。",
                "Only those who enter records for a department may create one.",
            )
        )
    doc, is_import = _given(call), _importing(call)
    if not is_import:
        _demand_in_time(call, doc)
    checks.demand(checks.package(doc, lenient=is_import))
    org_id = _owner(call, doc)
    name, wanted = str(doc["name"]), str(doc.get("id") or doc["name"])
    if wanted != name and not call.actor.may_in(imports.MAY, PLATFORM):
        raise invalid(id="Only the catalogue's administrator chooses an id; leave it out")
    _demand_free(call, name, wanted)
    fields, faults = checks.fields(doc)
    checks.demand({} if is_import else faults)
    _demand_own_links(call, wanted, doc.get("resources") or [])
    try:
        body = DatasetCreate.model_validate(fields | {"resource_code": wanted, "publisher": org_id})
    except ValidationError as fault:
        raise invalid(name=fault.errors()[0]["msg"]) from None
    if not is_import:
        row = service.entered(call.work, call.actor, body)
        imports.keep(call.work, call.actor, row, name, doc, is_import=False)
        return _shown(call, row)
    row = service.imported(call.work, call.actor, body)
    imports.count_record(call.work)
    imports.keep(call.work, call.actor, row, name, doc, is_import=True)
    call.changed.append(row.id)
    return doc | {"id": row.id, "name": name}  # word for word, and it has no files of ours yet


def package_update(call: Call) -> Json:
    """Write a record anew: title, notes, tags, theme, licence as given or empty; resources and our own extras stay when they are not sent."""
    return _update(call, _given(call))


def package_patch(call: Call) -> Json:
    """Change only what is sent."""
    row = writable(call, call.wanted())
    return _update(call, packages(call, [row])[0] | _given(call) | {"id": row.id})


def _update(call: Call, doc: Json) -> Json:
    row = writable(call, str(doc.get("id") or doc.get("name") or call.wanted()))
    is_import = _importing(call)
    former = call.work.db.get(DescriptionRow, row.id)
    name = str(doc.get("name") or (former.name if former else row.id.lower()))
    doc = {"owner_org": row.publisher, **doc, "id": row.id, "name": name}
    if not is_import and former and former.is_import and doc == (shown := packages(call, [row])[0]):
        return shown  # loaded once more, as an import let it in
    checks.demand(checks.package(doc, lenient=is_import))
    if _owner(call, doc) != row.publisher:
        raise invalid(owner_org="A record stays with its department")
    _demand_free(call, name, row.id, but=row.id)
    if "resources" not in doc and former:
        doc["resources"] = _links(call, row)
    _demand_own_links(call, row.id, doc.get("resources") or [])
    fields, faults = checks.fields(doc)
    plain: Json = dict.fromkeys(("title_zh", "description_zh", "license_id", "domain_code"), "") | {
        "keywords": [],
        "keywords_en": [],
    }
    if is_import:
        service.overwrite_imported(call.work, call.actor, row.id, plain | fields)
        imports.count_record(call.work)
    else:
        checks.demand(faults)
        body = DatasetUpdate.model_validate(plain | fields)
        note_waiting(call, proposals.describe(call.work, call.actor, row, body, name, doc))
        return _shown(call, row)
    imports.keep(call.work, call.actor, row, name, doc, is_import=is_import)
    return _shown(call, row)


def note_waiting(call: Call, made: ProposalRead | None) -> None:
    if made is not None:
        call.notes.append(WAITING.format(site=call.site, id=made.id))


def package_delete(call: Call) -> None:
    """Withdraw a record for good; a tombstone with the `reason` stays."""
    row = writable(call, call.wanted())
    service.withdraw(
        call.work,
        call.actor,
        row.id,
        call.text("reason") or "经 CKAN 接口撤回 / withdrawn through the CKAN API",
    )
    call.changed.append(row.id)


# -- links of a record


def resource_create(call: Call) -> Json:
    """A link beside the record (`package_id`, `url`). A file (`upload`) is handed in as a batch for the gate instead."""
    row = writable(call, call.wanted("package_id"))
    given = {key: value for key, value in _given(call).items() if key != "package_id"}
    link = {"id": str(given.get("id") or call.work.new_id()), **given}
    return _with_links(call, row, [*_links(call, row), link], str(link["id"]))


def resource_update(call: Call) -> Json:
    """Write a link anew."""
    return _changed_link(call, whole=True)


def resource_patch(call: Call) -> Json:
    """Change of a link what is sent."""
    return _changed_link(call, whole=False)


def _changed_link(call: Call, *, whole: bool) -> Json:
    wanted = call.wanted()
    row = _link_owner(call, wanted)
    links = [
        ({} if whole else each) | _given(call) | {"id": wanted} if each["id"] == wanted else each
        for each in _links(call, row)
    ]
    return _with_links(call, row, links, wanted)


def resource_delete(call: Call) -> None:
    """Take a link away. Files of a release are never deleted: a release is withdrawn at /releases."""
    wanted = call.wanted()
    row = _link_owner(call, wanted)
    _with_links(call, row, [each for each in _links(call, row) if each["id"] != wanted], None)


def _links(call: Call, row: DatasetRow) -> list[Json]:
    return list(_told(call, row)[1].get("resources", []))


def _told(call: Call, row: DatasetRow) -> tuple[str, Json]:
    """Name and description as the caller's own waiting change would have them, else as they stand."""
    if (said := proposals.wished_description(call.work, call.actor, row.id)) is not None:
        return str(said["name"]), dict(said["document"])
    kept = call.work.db.get(DescriptionRow, row.id)
    return (kept.name, kept.document) if kept else (row.id.lower(), {})


def _with_links(call: Call, row: DatasetRow, links: list[Json], wanted: str | None) -> Json:
    checks.demand(checks.resources(links))
    _demand_own_links(call, row.id, links)
    kept = call.work.db.get(DescriptionRow, row.id)
    name, document = _told(call, row)
    is_import = bool(kept and kept.is_import and kept.version == row.version)
    if is_import and _importing(call):
        imports.keep(call.work, call.actor, row, name, document | {"resources": links}, is_import=True)
    else:
        told = document | {"resources": links}
        if (made := proposals.describe(call.work, call.actor, row, DatasetUpdate(), name, told)) is not None:
            note_waiting(call, made)
            return next((dict(each) for each in links if each["id"] == wanted), {})
    shown = _shown(call, row)["resources"]
    return next((dict(each) for each in shown if each["id"] == wanted), {})


def owner_of(call: Call, resource_id: str) -> str:
    """The record that a link stands beside. Raises CkanError."""
    for each in imports.holders(call.work, [resource_id]):
        return each.dataset_id
    raise not_found("Resource was not found.")


def _link_owner(call: Call, resource_id: str) -> DatasetRow:
    _demand_signed_in(call)
    if call.dataset_of(call.work, resource_id) is not None:
        raise denied(
            Text(
                "发布版本的文件不修改、不删除；请提交批次，或在 /releases 撤回该版本。",
                "a release's files are neither changed nor deleted; hand in a batch, or withdraw the release at /releases.",
            )
        )
    return writable(call, owner_of(call, resource_id))


# -- organisations and groups


def organization_create(call: Call) -> Json:
    """Enter a department: `name`, `title`. For those who keep organisations."""
    doc = _given(call)
    checks.demand(checks.organization(doc))
    if not call.actor.may("auth:org:admin"):
        raise denied(_NAMES)
    name, org_id = str(doc["name"]), str(doc.get("id") or doc["name"])
    title, said = str(doc.get("title") or name), str(doc.get("description") or "")
    name_en = said if said and said.isascii() and len(said) <= 200 else title
    if any(
        org_id == each.id or name in (each.id.lower(), each.id)
        for each in organisations.organisations(call.work)
    ):
        raise invalid(name="Group name already exists in database")
    organisations.create_organisation(
        call.work, call.actor, Text(title[:120], name_en[:200]), "source_department", org_id=org_id
    )
    imports.keep_org(call.work, call.actor, org_id, name, doc)
    return organization_show(_about(call, org_id))


def organization_update(call: Call) -> Json:
    """Accepted when it changes nothing, or while an import is open; names of departments are kept elsewhere."""
    doc = _given(call)
    shown = organization_show(_about(call, call.wanted()))
    if not checks.says_more(doc, shown):
        return shown
    if not (call.actor.may("auth:org:admin") and shown["id"] in imports.kept_orgs(call.work)):
        raise denied(_NAMES)
    checks.demand(checks.organization(shown | doc))
    imports.keep_org(
        call.work,
        call.actor,
        shown["id"],
        shown["name"],
        shown | doc | {"id": shown["id"], "name": shown["name"]},
    )
    return organization_show(_about(call, shown["id"]))


def group_update(call: Call) -> Json:
    """Accepted when it changes nothing: groups are themes, a code list."""
    shown = group_show(_about(call, call.wanted()))
    if checks.says_more(_given(call), shown):
        raise denied(
            Text(
                "组即代码表中的主题；不通过此接口修改。",
                "groups are the themes of a code list; they are not changed through this API.",
            )
        )
    return shown


def _about(call: Call, wanted: str) -> Call:
    return Call(call.work, call.actor, {"id": wanted}, call.site, call.resources, call.dataset_of)


# -- what they share


def _given(call: Call) -> Json:
    """What was sent, without what only clients need. Raises CkanError when it is too large."""
    doc = {key: value for key, value in call.params.items() if key not in checks.NO_PART}
    if len(str(doc)) > _MOST_BYTES:
        raise invalid(message="The description is larger than a million characters")
    return checks.settled(doc)


def _importing(call: Call) -> bool:
    return imports.is_importing(call.work, call.actor)


def _demand_in_time(call: Call, doc: Json) -> None:
    """Who goes on loading after his import ended is told so: else half of a catalogue would stand published, and half as drafts."""
    if not doc.get("id") or not call.actor.may_in(imports.MAY, PLATFORM):
        return
    if (gone := imports.lapsed(call.work)) is not None:
        raise denied(TOO_LATE.filled(ended=shape.moment(gone.ends_at), records=gone.records, site=call.site))


def _demand_signed_in(call: Call) -> None:
    if not call.actor.is_signed_in:
        raise denied(SIGN_IN)


def _owner(call: Call, doc: Mapping[str, Any]) -> str:
    """The department that the record is of, if the caller may write its records."""
    _demand_signed_in(call)
    wanted = str(doc["owner_org"])
    named = call.work.db.exec(
        select(OrgDescriptionRow.org_id).where(OrgDescriptionRow.name == wanted)
    ).first()
    try:
        org = organisations.organisation(call.work, named or wanted)
    except NotFound:
        raise invalid(owner_org="Organization does not exist") from None
    if not call.actor.may_in(queries.WRITE, org.id):
        raise denied(f"User {call.actor.username} not authorized to add dataset to organization {wanted}")
    return org.id


def writable(call: Call, name: str) -> DatasetRow:
    _demand_signed_in(call)
    row = find(call, name, queries.visible(call.actor), col(DatasetRow.state) != State.WITHDRAWN)
    if not call.actor.may_in(queries.WRITE, row.publisher):
        raise denied(f"User {call.actor.username} not authorized to edit package {row.id}")
    return row


def _demand_free(call: Call, name: str, dataset_id: str, *, but: str = "") -> None:
    taken = fetched(call.work, _TAKEN, codes=[name.lower(), dataset_id.lower()], name=name).scalars()
    if any(each != but for each in taken):
        raise invalid(name="That URL is already in use.")


def _demand_own_links(call: Call, dataset_id: str, links: list[Json]) -> None:
    """No link takes the id of another record's link or file: who asks for that id would be shown this one."""
    ids = {each["id"] for each in links if each.get("id")}
    taken = {each.resource_id for each in imports.holders(call.work, ids) if each.dataset_id != dataset_id}
    for each in ids - taken:
        owner = call.dataset_of(call.work, each)
        if owner not in (None, dataset_id) and call.work.db.get(DatasetRow, owner) is not None:
            taken.add(each)
    if taken:
        checks.demand(
            {"resources": [{"id": [checks.TAKEN]} if each.get("id") in taken else {} for each in links]}
        )


def _shown(call: Call, row: DatasetRow) -> Json:
    call.changed.append(row.id)
    if row.state == State.DRAFT:
        call.notes.append(DRAFT.format(site=call.site, id=row.id))
    return packages(call, [row])[0]


WRITES: Final[Mapping[str, Action]] = {
    each.__name__: each
    for each in (
        package_create, package_update, package_patch, package_delete, resource_create, resource_update, resource_patch,
        resource_delete, organization_create, organization_update, group_update,
    )
} | {"organization_patch": organization_update, "group_patch": group_update, "dataset_delete": package_delete}  # fmt: skip
