"""Every outside validator over 500 harvested records and, with DATA_DIR, over a demo's records: `python -m tests.campaigns.standards [DATA_DIR]`.

The records are those of 500 real datasets (US data.json, a Turtle catalogue, a CKAN search) from the shared metadata, harvested first. Prints a
table of what each validator found, and the score of the recommended DCAT-AP shapes: how many of the things that they ask for are there.
"""

from __future__ import annotations

import collections
import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import jsonschema
import rdflib
from fastapi.testclient import TestClient
from lxml import etree
from sqlmodel import col, select

from api.app import create_app
from api.house import House, open_house
from catalog.queries import public_ids
from catalog.standards import forms
from catalog.tables import DatasetRow
from core.settings import Settings
from tests.api.judges import SH, dcat_us_judge, shapes
from tests.campaigns import feeds
from tests.croissant import mlcroissant
from tests.datasets.harvest.portals import Portal, a_catalogue, harvest, people
from tests.datasets.sources.places import a_web, allow

SHARED: Final = Path(__file__).parents[3] / "shared"
WANTED: Final = 500
Faults = collections.Counter[str]


def main() -> int:
    """The tables; 1 when a validator found a fault."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as room:
        os.environ["CROISSANT_CACHE"] = f"{room}/croissant"
        house = open_house(Settings(data_dir=Path(room) / "harvested"))
        print(f"{fill(house)} records harvested.\n")
        broken = _judge("harvested", house)
        for given in sys.argv[1:2]:
            kept = Path(room) / "demo"
            shutil.copytree(given, kept, ignore=shutil.ignore_patterns("*.lock", "jobs.db*"))
            broken += _judge("demo", open_house(Settings(data_dir=kept)))
    return 1 if broken else 0


def fill(house: House, wanted: int = WANTED) -> int:
    """Harvest `wanted` real records, of each form a share; returns how many were taken."""
    allow(house)
    people(house)
    folder, taken = SHARED / "data" / "metadata", 0
    told = json.loads((folder / "dcat" / "gsa_data_220.json").read_bytes())
    told["dataset"] = told["dataset"][: wanted if wanted == WANTED else wanted // 3]
    turtle = (folder / "dcat" / "opendatasoft_catalog_186.ttl").read_bytes()
    if wanted != WANTED:
        turtle = _part(turtle, wanted // 3)
    with a_web() as web:
        for name, form, data in (
            ("data.json", "data-us", json.dumps(told).encode()),
            ("all.ttl", "dcat", turtle),
        ):
            web.serve(f"/{name}", data, etag=None)
            run, _ = harvest(house, a_catalogue(house, web.url(f"/{name}"), form).id)
            taken += run.counts.get("created", 0)
        found = json.loads((folder / "ckan/okfn_portals_ckan_search_390.json").read_bytes())
        Portal(web, found.get("result", found)["results"][: wanted - taken])
        run, _ = harvest(house, a_catalogue(house, web.url("")).id)
    return taken + run.counts.get("created", 0)


def _part(turtle: bytes, number: int) -> bytes:
    """The catalogue with its first datasets alone; what describes the others stays, and is nobody's."""
    graph = rdflib.Graph().parse(data=turtle, format="turtle")
    for each in sorted(graph.subjects(rdflib.RDF.type, rdflib.DCAT.Dataset))[number:]:
        graph.remove((None, rdflib.DCAT.dataset, each))
        graph.remove((each, None, None))
    return graph.serialize(format="turtle", encoding="utf-8")


def seen(house: House) -> tuple[TestClient, list[str]]:
    """A visitor of it, and the records that he may see."""
    with house.read() as work:
        asked = select(DatasetRow.id).where(col(DatasetRow.id).in_(public_ids())).order_by(DatasetRow.id)
        ids = list(work.db.exec(asked))
    return TestClient(create_app(house=house), base_url="http://127.0.0.1:8000"), ids


def _judge(name: str, house: House) -> int:
    visitor, ids = seen(house)
    print(f"| {name} | judged | faults | seconds |\n|---|---|---|---|")
    total = 0
    for what, judge in JUDGES.items():
        began = time.monotonic()
        try:
            number, faults = judge(visitor, ids)
        except feeds.NotThereError as missing:
            print(f"| {what} | not judged: {missing} | | |", flush=True)
            continue
        wrong = len(list(real(faults)))
        total += wrong
        print(f"| {what} | {number} | {wrong} | {time.monotonic() - began:.1f} |", flush=True)
        for said, times in faults.most_common(5):
            print(f"  {times} × {said}")
    asked, there, missing = recommended(visitor, ids)
    print(
        f"\nshapes_recommended: {there} of {asked} ({there / asked:.0%}) of what is recommended for a dataset; missing most:"
    )
    print("".join(f"- {path}: {times}\n" for path, times in missing.most_common(8)))
    return total


def real(faults: Faults) -> Iterator[str]:
    """The faults without the warnings."""
    return (said for said in faults.elements() if not said.startswith(feeds.WARNING))


def _taken(visitor: TestClient, dataset_id: str, form: str) -> bytes:
    found = visitor.get(f"/api/v1/datasets/{dataset_id}/metadata?form={form}")
    assert found.status_code == 200, (dataset_id, form, found.status_code)
    return found.content


def _pages(visitor: TestClient) -> Iterator[rdflib.Graph]:
    page = 1
    while (found := visitor.get(f"/api/v1/catalogue?page={page}")).status_code == 200:
        graph = rdflib.Graph().parse(data=found.content, format="turtle")
        yield graph
        page += 1
        if (None, rdflib.URIRef("http://www.w3.org/ns/hydra/core#next"), None) not in graph:
            return


def _dcat_ap(visitor: TestClient, _ids: list[str]) -> tuple[int, Faults]:
    import pyshacl

    rules = shapes(SHARED / "conformance" / "dcat-ap-3.0.1", "dcat-ap-SHACL.ttl", "ranges.ttl")
    number, faults = 0, Faults()
    for graph in _pages(visitor):
        number += len(set(graph.subjects(rdflib.RDF.type, rdflib.DCAT.Dataset)))
        _, told, _ = pyshacl.validate(graph, shacl_graph=rules, inference="none", do_owl_imports=False)
        faults.update(_paths(told))
    return number, faults


def _paths(told: Any) -> Iterator[str]:
    for result in told.subjects(rdflib.RDF.type, SH.ValidationResult):
        yield f"{told.value(result, SH.resultPath)} {told.value(result, SH.resultMessage)}"


def _dcat_us(visitor: TestClient, _ids: list[str]) -> tuple[int, Faults]:
    judge = dcat_us_judge(SHARED / "conformance" / "dcat-us-3" / "jsonschema")
    document = visitor.get("/data.json").json()
    return len(document["dataset"]), Faults(each.message[:200] for each in judge.iter_errors(document))


def _each(
    form: str, judge: Callable[[bytes], Iterator[str]]
) -> Callable[[TestClient, list[str]], tuple[int, Faults]]:
    def over_all(visitor: TestClient, ids: list[str]) -> tuple[int, Faults]:
        return len(ids), Faults(said for each in ids for said in judge(_taken(visitor, each, form)))

    return over_all


def _data_package(data: bytes) -> Iterator[str]:
    profile = json.loads((SHARED / "conformance" / "datapackage-2.0" / "datapackage.json").read_text())
    yield from (
        each.message[:200] for each in jsonschema.Draft7Validator(profile).iter_errors(json.loads(data))
    )


def _croissant(data: bytes) -> Iterator[str]:
    reader = mlcroissant()
    with _silent():
        try:
            yield from reader.Dataset(jsonld=json.loads(data)).metadata.ctx.issues.errors
        except reader.ValidationError as fault:
            yield str(fault)[:200]


def _schema_org(data: bytes) -> Iterator[str]:
    """What search engines ask for: name, a description of 50 to 5,000 characters, who offers it, what may be done with it."""
    told = json.loads(data)
    yield from (f"no {name}" for name in ("name", "description", "url") if not told.get(name))
    if not 50 <= len(told.get("description") or "") <= 5000:
        yield "description is not 50 to 5,000 characters"


def _core(data: bytes) -> Iterator[str]:
    schema = etree.XMLSchema(etree.parse(str(Path(forms.__file__).with_name("core_metadata.xsd"))))
    if not schema.validate(etree.fromstring(data)):
        yield str(schema.error_log.last_error.message)[:200]


def _read_by_rdflib(form: str) -> Callable[[bytes], Iterator[str]]:
    def read(data: bytes) -> Iterator[str]:
        if not len(rdflib.Graph().parse(data=data, format=form)):
            yield "empty"

    return read


def recommended(visitor: TestClient, ids: list[str]) -> tuple[int, int, Faults]:
    """How many of the recommended properties of datasets are there: asked for, found, and what is missing how often."""
    import pyshacl

    rules = shapes(SHARED / "conformance" / "dcat-ap-3.0.1", "shapes_recommended.ttl")
    aims = set(rules.subjects(SH.targetClass, rdflib.DCAT.Dataset))
    asked = len(
        {
            path
            for aim in aims
            for shape in rules.objects(aim, SH.property)
            for path in rules.objects(shape, SH.path)
        }
    )
    missing = Faults()
    for graph in _pages(visitor):
        _, told, _ = pyshacl.validate(graph, shacl_graph=rules, inference="none", do_owl_imports=False)
        for result in told.subjects(rdflib.RDF.type, SH.ValidationResult):
            focus = told.value(result, SH.focusNode)
            if (focus, rdflib.RDF.type, rdflib.DCAT.Dataset) in graph:
                missing[str(told.value(result, SH.resultPath))] += 1
    return asked * len(ids), asked * len(ids) - missing.total(), missing


@contextmanager
def _silent() -> Iterator[None]:
    import logging

    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


JUDGES: Final = {
    "DCAT-AP 3.0.1, SHACL shapes and ranges": _dcat_ap,
    "DCAT-AP as RDF/XML": _each("rdfxml", _read_by_rdflib("xml")),
    "DCAT-US 3, JSON schema": _dcat_us,
    "Data Package v2, JSON schema": _each("datapackage", _data_package),
    "Croissant 1.1, mlcroissant": _each("croissant", _croissant),
    "schema.org, what search engines ask for": _each("schema_org", _schema_org),
    "Chinese core metadata, XSD": _each("core_xml", _core),
    "OAI-PMH 2.0 with oai_dc, XSD": feeds.oai_pmh,
    "Atom, RELAX NG of RFC 4287": feeds.atom_grammar,
    "Atom, W3C Feed Validator": feeds.atom_w3c,
    "Site maps 0.9, XSD": feeds.sitemap,
}

if __name__ == "__main__":
    sys.exit(main())
