"""What every outside form of a record is made from: the record, its dictionary, and the files that anybody may take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from catalog import codes, queries
from catalog.boxes import Box, box_of
from catalog.codes import Code
from catalog.relations.service import RelationRead
from catalog.rules import SERIES
from catalog.tables import ColumnRow, DatasetRow
from core.text import Lang, Text

_MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_NO_IRI: Final = re.compile(r'[\x00-\x20<>"{}|\\^`]')
_TELEPHONE: Final = re.compile(r"\+?\d[\d -]{5,18}\d")


@dataclass(frozen=True, slots=True)
class File:
    """One file of the current release that anybody may take now. `form`: a value of code list file_format."""

    id: str
    form: str
    url: str
    size_bytes: int
    sha256: str

    @property
    def media_type(self) -> str:
        return str(codes.load("file_format").fact(self.form, "media_type"))


@dataclass(frozen=True, slots=True)
class Release:
    """The current release. `version`: its version number, such as 1.2.0."""

    id: str
    number: int
    version: str
    published_at: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class Publisher:
    """The department that answers for the data."""

    id: str
    name: Text
    credit_code: str | None


@dataclass(frozen=True, slots=True)
class Reuse:
    """What somebody made of the data, as the department shows it. `url`: where it is, empty where nobody said."""

    id: str
    kind: str
    title: str
    summary: str
    made_by: str
    url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as others are told of it. `files` is empty where data need a grant, or where there is no release yet.
    `named`: the fields that name other records, and `relations`: both as everybody may know them."""

    row: DatasetRow
    columns: Sequence[ColumnRow]
    publisher: Publisher
    release: Release | None
    files: Sequence[File]
    site: str
    relations: Sequence[RelationRead] = ()
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reuses: Sequence[Reuse] = ()

    @property
    def related_codes(self) -> Sequence[str]:
        """Codes of related records, as far as everybody may know of them."""
        return self.named.get("related_codes", ())

    def said(self, name: str) -> Any:  # noqa: ANN401 - a field's value
        """What a field holds for everybody: without records that are hidden."""
        return self.named[name] if name in self.named else getattr(self.row, name)

    def address(self, dataset_id: str) -> str:
        return f"{self.site}/datasets/{dataset_id}"

    def region(self, code: str) -> str:
        """Where a division of GB/T 2260 stands here."""
        return f"{self.site}/regions/{code}"

    def page_of(self, reuse: Reuse) -> str:
        """Where readers find it here."""
        return f"{self.uri}/reuses#{reuse.id}"

    @property
    def is_series(self) -> bool:
        return self.row.record_type == SERIES

    @property
    def uri(self) -> str:
        return f"{self.site}/datasets/{self.row.id}"

    @property
    def apply_url(self) -> str:
        return f"{self.site}/applications/new?dataset={self.row.id}"

    @property
    def title(self) -> Text:
        return bilingual(self.row.title_zh, self.row.title_en, self.row.id)

    @property
    def description(self) -> Text:
        return bilingual(self.row.description_zh, self.row.description_en, self.title.zh)

    @property
    def foreign_from(self) -> str:
        """Where a harvested record lives; empty for one of ours. Its files are named there and never given here."""
        return self.row.foreign_from

    @property
    def is_open(self) -> bool:
        return self.row.open_type == "U"

    @property
    def changed_at(self) -> datetime:
        """The last change of record or data."""
        return queries.changed_at(self.row)

    @property
    def licence_url(self) -> str:
        """Its address; our own terms are described in the code list."""
        if self.foreign_from:
            return self.foreign_from  # its own catalogue says the terms
        found = codes.load("license").fact(self.row.license_id, "url")
        return str(found) if found else f"{self.site}/api/v1/codes/license#{self.row.license_id}"

    @property
    def box(self) -> Box | None:
        return box_of(self.row.bbox) if self.row.bbox else None

    @property
    def mail(self) -> str | None:
        found = _MAIL.search(self.row.contact)
        return found.group() if found else None

    @property
    def telephone(self) -> str | None:
        """As in a tel: address, digits alone."""
        found = _TELEPHONE.search(self.row.contact)
        return re.sub(r"[ -]", "", found.group()) if found and not self.mail else None

    def code(self, list_name: str, value: str | int | None) -> Code | None:
        return codes.load(list_name).codes.get(str(value)) if value not in (None, "") else None

    @property
    def interval(self) -> str | None:
        """How often the data change, as an ISO 8601 duration."""
        told = self.code("update_freq", self.row.update_freq)
        return self.row.update_interval or (told.facts.get("iso") if told else None)


def iri(address: str) -> str:
    """A web address that somebody wrote, with what no IRI may hold written in percent."""
    return _NO_IRI.sub(lambda found: quote(found.group()), address)


def bilingual(zh: str, en: str, otherwise: str) -> Text:
    """Both languages; one that is missing is said in the other's words."""
    return Text(zh or en or otherwise, en or zh or otherwise)


def written_in(zh: str, en: str) -> list[tuple[Lang, str]]:
    """What is really written, with its language."""
    both: list[tuple[Lang, str]] = [("zh", zh), ("en", en)]
    return [(lang, words) for lang, words in both if words]


def instant(moment: datetime) -> str:
    """UTC to the second, as xsd:dateTime wants it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def without_gaps(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what nothing is known of."""
    return {key: value for key, value in document.items() if value not in (None, "", [], {})}
