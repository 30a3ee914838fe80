"""What CKAN's clients meet, wired from catalogue and releases: the resources of a dataset, DataStore reading, one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlmodel import col
from starlette.datastructures import UploadFile

from api import ckan_own as own
from api.ckan_rows import Rows, dataset_of, info, search
from api.house import House
from api.receiving import store_upload
from auth.actor import Actor
from catalog import queries
from catalog.ckan import listings, relating, shape, writing
from catalog.ckan.actions import Action, Call, Resources, find
from catalog.ckan.errors import SIGN_IN, denied, not_found
from catalog.ckan.names import REFUSED
from catalog.ckan.shape import Json
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.work import Work
from datasets.batches import service as batches
from datasets.releases import offered
from datasets.sharing import named


def reads(house: House) -> Mapping[str, Action]:
    """Every read action by name."""

    def datastore_search(call: Call) -> Rows:
        """Rows of an open release, or under the caller's grant (`purpose`): resource_id, filters, q, fields, sort, distinct, limit, offset, include_next_page, records_format."""
        return search(house, call)

    def datastore_info(call: Call) -> Rows:
        """The columns of a table, and its size."""
        return info(house, call)

    def help_show(call: Call) -> str:
        """What an action does."""
        name = call.wanted("name")
        if name in REFUSED:
            return f"Refused here: {REFUSED[name].en} {REFUSED[name].zh}"
        if name not in known:
            raise not_found("Action name not found")
        return (known[name].__doc__ or name).strip()

    known = {
        **listings.READS, **own.READS,
        "datastore_search": datastore_search, "datastore_info": datastore_info, "help_show": help_show,
    }  # fmt: skip
    return known


WRITES: Final[Mapping[str, Action]] = {**own.WRITES, **writing.WRITES, **relating.WRITES}
"""Every action that changes something, by name; it runs in one write transaction."""


def hand_in(house: House, call_with: Callable[[Work], Call], upload: UploadFile) -> Json:
    """A file that a client uploads as a resource: a batch for the quality gate, never a release. Opens its own transactions."""
    with house.read() as work:
        call = call_with(work)
        if not call.actor.is_signed_in:
            raise denied(SIGN_IN)
        dataset_id = _target(call)
        batches.may_submit(work, call.actor, dataset_id)
    name = upload.filename or "upload"
    stored = store_upload(upload, house, call.actor, dataset_id)
    with house.write() as work:
        made = batches.receive(work, call.actor, dataset_id, name, stored)
    return shape.resource(
        made.id, name=str(call.params.get("name") or name), form=str(call.params.get("format") or ""),
        url=f"{call.site}/batches/{made.id}", created=made.submitted_at, url_type="upload", size=stored.size_bytes,
        hash=stored.sha256, package_id=dataset_id, state="draft",
    )  # fmt: skip


def _target(call: Call) -> str:
    """The dataset that an upload is for: `package_id`, or the one that the resource is of."""
    seen = (queries.visible(call.actor), col(DatasetRow.state) != State.WITHDRAWN)
    if package := call.text("package_id"):
        return find(call, package, *seen).id
    wanted = call.wanted()
    return find(call, dataset_of(call.work, wanted) or writing.owner_of(call, wanted), *seen).id


def resources_of(site: str) -> Resources:
    """What each record offers the caller: what it offers to all, then the tables that his grants let him read."""
    to_all = offered.resources_for(site)

    def resources(work: Work, actor: Actor, rows: Sequence[DatasetRow]) -> Mapping[str, list[Json]]:
        found, mine = to_all(work, actor, rows), named.offered(work, actor, rows, site)
        return {key: [*each, *mine.get(key, ())] for key, each in found.items()} if mine else found

    return resources
