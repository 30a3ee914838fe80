"""One page of an outside catalogue: fetched through the guard of addresses into the file store, then read by its format."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from catalog.harvest import ckan, csw, data_package, data_us, dcat, listing, oai_pmh
from catalog.harvest.records import Reading
from core.files import FileStore
from core.settings import Settings
from core.work import Work
from datasets.harvest.tables import HarvestSourceRow
from datasets.sources import http, vault
from datasets.sources.addresses import HttpConfig, address_fault
from datasets.sources.asking import Ask

MOST_BYTES: Final = 64 * 1024 * 1024
_CSW: Final = {"csw": "2.0.2", "csw-3": "3.0.0"}
PAGED: Final = frozenset({"ckan", "oai-pmh", *_CSW})
"""Formats whose address is an interface that is asked for page after page; the others are documents."""
_READERS: Final = {
    "ckan": ckan.read,
    "csw": csw.read,
    "csw-3": csw.read,
    "oai-pmh": oai_pmh.read,
    "dcat": dcat.read,
    "data-us": data_us.read,
    "data-package": data_package.read,
    "listing": listing.read,
}


def ask_of(work: Work, source: HarvestSourceRow, settings: Settings) -> Ask:
    """What a look is given. A document larger than 64 MiB is refused."""
    secret = vault.unseal(settings.keys_dir, source.id, source.secret) if source.secret else None
    bounded = settings.model_copy(update={"upload_max_bytes": min(MOST_BYTES, settings.upload_max_bytes)})
    return Ask(source.org_id, secret, {}, bounded, work.now)


def first_url(source: HarvestSourceRow) -> str:
    url = str(source.config["url"])
    if source.form in _CSW:
        return csw.page_url(url, 1, _CSW[source.form])
    if source.form == "oai-pmh":
        return oai_pmh.page_url(url)
    return ckan.page_url(url, 0) if source.form == "ckan" else url


def fetched(ask: Ask, source: HarvestSourceRow, url: str, files: FileStore) -> dict[str, Any]:
    """A page in the store as JSON: its digest, and what to ask with the next time (`memory`). A page that the source says is still
    the one of the last whole harvest (304) is the stored one; when that is gone, it is asked for whole."""
    config = HttpConfig(kind="http", url=url, header=source.config.get("header"))
    kept = source.memory.get("pages", {}).get(url, {})
    if kept and not files.has(kept["sha256"]):
        kept = {}
    caught = http.fetch(replace(ask, memory=kept), config, files)
    if not caught.files:
        return {"unchanged": True, "sha256": kept["sha256"], "memory": kept}
    sha256 = caught.files[0].stored.sha256
    return {
        "unchanged": False,
        "sha256": sha256,
        "memory": caught.memory | {"sha256": sha256} if caught.memory else {},
    }


def is_settled(source: HarvestSourceRow) -> bool:
    """Whether nothing is left to do while the source's one page stays as it is."""
    return bool(source.memory.get("settled")) and len(source.memory.get("pages", {})) == 1


def read(source: HarvestSourceRow, url: str, data: bytes) -> Reading:
    """Records and faults of a page. Raises Unreadable."""
    return _READERS[source.form](data, str(source.config["url"]) if source.form in PAGED else url)


def following(source: HarvestSourceRow, url: str, data: bytes, reading: Reading, start: int) -> str:
    """The address of the next page, or nothing. A page that leads to another host is not followed: credentials stay where they are."""
    if source.form == "ckan":
        return "" if reading.is_last else ckan.page_url(str(source.config["url"]), start)
    if source.form in _CSW:
        place = csw.next_place(data)
        is_further = place > csw.start_of(url)
        return csw.page_url(str(source.config["url"]), place, _CSW[source.form]) if is_further else ""
    if source.form == "oai-pmh":
        token = oai_pmh.token_of(data)
        return oai_pmh.page_url(str(source.config["url"]), token) if token else ""
    if source.form != "dcat":
        return ""
    found = urljoin(url, reading.next_page)
    same = urlsplit(found)[:2] == urlsplit(url)[:2]
    return found if found != url and same and not address_fault(found) else ""
