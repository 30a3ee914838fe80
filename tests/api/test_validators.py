"""Every outside validator over real records that were harvested: a batch of what `python -m tests.campaigns.standards` judges whole."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from lxml import etree

from api.house import House, open_house
from core.settings import Settings
from tests import schemas
from tests.campaigns import feeds, standards
from tests.croissant import mlcroissant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shared,
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
]
NUMBER = int(os.environ.get("DATAGRANT_VALIDATED") or 45)  # 500 in CI


@pytest.fixture(scope="module")
def seen(
    shared: Path, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, list[str]]]:
    """A visitor of a catalogue of harvested records, and their codes."""
    room = tmp_path_factory.mktemp("harvested")
    shutil.copyfile(sqlite_template, room / "datagrant.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROISSANT_CACHE", str(room / "croissant"))
        house: House = open_house(Settings(data_dir=room, worker=False, demo=True))
        assert standards.fill(house, NUMBER) == NUMBER
        yield standards.seen(house)
        house.engine.dispose()


@pytest.mark.parametrize("what", standards.JUDGES)
def test_it_is_content_with_harvested_records(what: str, seen: tuple[TestClient, list[str]]) -> None:
    judged(what, *seen)


def judged(what: str, visitor: TestClient, ids: list[str]) -> None:
    """One validator over all of them; the published schemas of the protocols must be there where CI says so."""
    if standards.JUDGES[what] in (feeds.oai_pmh, feeds.atom_grammar, feeds.sitemap):
        schemas.demand()
    try:
        number, faults = standards.JUDGES[what](visitor, ids)
    except feeds.NotThereError as missing:
        pytest.skip(str(missing))
    assert number >= len(ids) or standards.JUDGES[what] in (feeds.oai_pmh, feeds.sitemap)
    assert not list(standards.real(faults))


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("atom/atom.rng", '<feed xmlns="http://www.w3.org/2005/Atom"><title>no id, no time</title></feed>'),
        ("sitemap-0.9/sitemap.xsd", '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url/></urlset>'),
        ("sitemap-0.9/siteindex.xsd", '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap/></sitemapindex>'),
        ("oai", '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>today</responseDate></OAI-PMH>'),
    ],
)  # fmt: skip
def test_a_schema_refuses_what_it_should(schema: str, told: str) -> None:
    schemas.demand()
    assert not feeds.schema(schema).validate(etree.fromstring(told))


def test_the_reader_of_croissant_closes_no_stream_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that begins while standard error is another closes every handler of logging, and with it absl's."""
    mlcroissant()
    from absl import logging

    handler = logging.get_absl_handler().python_handler
    before = sys.stderr
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    handler.close()
    assert not before.closed
