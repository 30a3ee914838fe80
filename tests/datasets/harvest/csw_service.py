"""A CSW on this machine that answers GetRecords page by page with ISO 19139 records."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from catalog.harvest import csw
from tests.datasets.sources.places import Web

SPACE = {"2.0.2": "http://www.opengis.net/cat/csw/2.0.2", "3.0.0": "http://www.opengis.net/cat/csw/3.0"}
SPACES = (
    'xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:gmd="http://www.isotc211.org/2005/gmd" '
    'xmlns:gco="http://www.isotc211.org/2005/gco" xmlns:srv="http://www.isotc211.org/2005/srv"'
)


def _text(name: str, value: str, more: str = "") -> str:
    return f"<gmd:{name}><gco:CharacterString>{escape(value)}</gco:CharacterString>{more}</gmd:{name}>"


def metadata(
    number: int, title: str = "", *, kind: str = "dataset", identifier: str | None = None, english: str = "",
    parent: str = "", others: dict[str, str] | None = None,
) -> str:  # fmt: skip
    """One record; `english`: its title in a second language; `others`: association → identifier of another record."""
    aggregates = "".join(
        f"<gmd:aggregationInfo><gmd:MD_AggregateInformation><gmd:aggregateDataSetIdentifier><gmd:MD_Identifier>{_text('code', other)}"
        f'</gmd:MD_Identifier></gmd:aggregateDataSetIdentifier><gmd:associationType><gmd:DS_AssociationTypeCode codeListValue="{kind}"/>'
        "</gmd:associationType></gmd:MD_AggregateInformation></gmd:aggregationInfo>" for kind, other in (others or {}).items()
    )  # fmt: skip
    free = (
        f'<gmd:PT_FreeText><gmd:textGroup><gmd:LocalisedCharacterString locale="#EN">{english}</gmd:LocalisedCharacterString>'
        "</gmd:textGroup></gmd:PT_FreeText>" if english else ""
    )  # fmt: skip
    about = "srv:SV_ServiceIdentification" if kind == "service" else "gmd:MD_DataIdentification"
    party = (
        "<gmd:pointOfContact><gmd:CI_ResponsibleParty>" + _text("organisationName", "测绘局")
        + '<gmd:role><gmd:CI_RoleCode codeListValue="owner"/></gmd:role></gmd:CI_ResponsibleParty></gmd:pointOfContact>'
    )  # fmt: skip
    return (
        f"<gmd:MD_Metadata>{_text('fileIdentifier', identifier if identifier is not None else f'iso-{number:03}')}"
        f"{_text('parentIdentifier', parent) if parent else ''}"
        f'<gmd:hierarchyLevel><gmd:MD_ScopeCode codeListValue="{kind}"/></gmd:hierarchyLevel>'
        "<gmd:dateStamp><gco:Date>2026-01-02</gco:Date></gmd:dateStamp>"
        f"<gmd:identificationInfo><{about}><gmd:citation><gmd:CI_Citation>{_text('title', title or f'地形图 {number}', free)}</gmd:CI_Citation></gmd:citation>"
        f"{_text('abstract', '比例尺 1:10000')}{party}"
        f"<gmd:descriptiveKeywords><gmd:MD_Keywords>{_text('keyword', '测绘')}</gmd:MD_Keywords></gmd:descriptiveKeywords>"
        f"{aggregates}</{about}></gmd:identificationInfo><gmd:distributionInfo><gmd:MD_Distribution><gmd:transferOptions><gmd:MD_DigitalTransferOptions>"
        f"<gmd:onLine><gmd:CI_OnlineResource><gmd:linkage><gmd:URL>https://geo.example/{number}.zip</gmd:URL></gmd:linkage>"
        f"{_text('name', '下载')}</gmd:CI_OnlineResource></gmd:onLine></gmd:MD_DigitalTransferOptions></gmd:transferOptions>"
        "</gmd:MD_Distribution></gmd:distributionInfo></gmd:MD_Metadata>"
    )


def answer(records: list[str], start: int = 1, size: int = csw.PAGE, version: str = "2.0.2") -> bytes:
    """One page of them."""
    page = records[start - 1 : start - 1 + size]
    following = start + size if start + size <= len(records) else 0
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><csw:GetRecordsResponse {SPACES.replace(SPACE["2.0.2"], SPACE[version])} version="{version}"><csw:SearchResults '
        f'numberOfRecordsMatched="{len(records)}" numberOfRecordsReturned="{len(page)}" nextRecord="{following}">'
        f"{''.join(page)}</csw:SearchResults></csw:GetRecordsResponse>"
    ).encode()


class Service:
    """What it holds may change between harvests."""

    def __init__(self, web: Web, records: list[str], version: str = "2.0.2") -> None:
        self.records, self.version, self.url = records, version, web.url("/csw?map=a")
        for start in range(1, 1000, csw.PAGE):
            parts = urlsplit(csw.page_url(self.url, start, version))
            web.pages[f"{parts.path}?{parts.query}"] = self._page(start)

    def _page(self, start: int) -> Any:
        def page(_asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
            return 200, {}, answer(self.records, start, version=self.version)

        return page


def asked(path: str) -> dict[str, str]:
    """The parameters of a request."""
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
