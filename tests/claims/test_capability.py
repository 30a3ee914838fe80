"""The page for an assessor of data management: every domain of the standard, each led to records that exist, and no claim that a level is met."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "capability.md").read_text(encoding="utf-8")
DOMAINS = ("数据战略", "数据治理", "数据架构", "数据应用", "数据安全", "数据质量", "数据标准", "数据生存周期")


def rows() -> dict[str, tuple[str, str]]:
    """Items and evidence by domain."""
    found = re.findall(r"^\| (\S+) [^|]*\| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    return {
        domain: (items.strip(), evidence.strip()) for domain, items, evidence in found if domain != "Domain"
    }


def test_each_of_the_eight_domains_is_led_to_records_that_exist() -> None:
    found = rows()
    assert tuple(found) == DOMAINS
    for domain, (items, evidence) in found.items():
        assert items, domain
        pages = re.findall(r"[a-z_]+\.md", evidence)
        assert pages, f"{domain}: no page"
        assert [page for page in pages if not (DOCS / page).is_file()] == [], domain


def test_what_is_said_to_be_evidence_is_described_on_the_page_it_names() -> None:
    """The words before each page's name stand, one at least, on that page."""
    for domain, (_, evidence) in rows().items():
        for words, pages in re.findall(r"([^()]+)\(([^)]+)\)", evidence):
            told = " ".join(
                (DOCS / page).read_text(encoding="utf-8").lower()
                for page in re.findall(r"[a-z_]+\.md", pages)
            )
            stems = [word[:6] for word in re.findall(r"[a-z]{4,}", words.lower())]
            assert any(stem in told for stem in stems), (domain, words, pages)


def test_no_level_is_claimed() -> None:
    assert "nothing here claims" in PAGE
    assert "that a clause or a level is met" in " ".join(PAGE.split())
    assert re.findall(r"[1-5]\s*级", PAGE) == []
