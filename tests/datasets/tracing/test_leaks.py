"""A thousand leaks of two hundred recipients, and what the tracer says of each; then one through the whole house."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from api.house import House
from core.errors import InputRefused
from datasets.extracts.compile import pseudonym
from datasets.extracts.keys import grant_key
from datasets.tracing.leak import count_hits, leak_of, named
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import Browser, browser_as, client_as

GRANTS, PEOPLE, LEAKS = 200, 400, 1000


@pytest.mark.long
def test_a_thousand_random_leaks_are_named_right_or_not_at_all(tmp_path: Path) -> None:
    """Rows sampled, columns shuffled, made a CSV, a fifth of the values noised; one in ten has no pseudonyms of ours."""
    chance = random.Random(20261128)  # noqa: S311 - leaks, no secret
    people = [f"138{n:08d}" for n in range(PEOPLE)]
    keys = {f"g{n}": grant_key(b"m" * 32, "DP-BC-002", f"g{n}") for n in range(GRANTS)}
    books = {grant: [pseudonym(each, key) for each in people] for grant, key in keys.items()}
    held = {grant: frozenset(book) for grant, book in books.items()}
    right = wrong = known = 0
    for number in range(LEAKS):
        guilty = f"g{chance.randrange(GRANTS)}" if number % 10 else None
        rows = chance.sample(range(PEOPLE), chance.randint(1, PEOPLE))
        column = [
            books[guilty][row] if guilty and chance.random() >= 0.2 else f"{chance.getrandbits(80):020x}"
            for row in rows
        ]
        columns = [("who", pa.array(column)), ("n", pa.array(rows)), ("t", pa.array([f"x{r}" for r in rows]))]
        chance.shuffle(columns)
        path = tmp_path / "leak.csv"
        pacsv.write_csv(pa.table(dict(columns)), path)
        tokens = leak_of(path).tokens
        said = named(len(tokens), {grant: len(tokens & own) for grant, own in held.items()}, GRANTS * PEOPLE)
        ours = bool(guilty and tokens & held[guilty])
        known += ours
        right += ours and [each.grant_id for each in said] == [guilty]
        wrong += any(each.grant_id != guilty for each in said)
    assert wrong == 0
    assert known > LEAKS * 0.85
    assert right == known  # wherever one pseudonym is left


def test_pseudonyms_are_made_again_and_counted_once() -> None:
    key = b"k" * 32
    tokens = {pseudonym("a", key), pseudonym("b", key), "0" * 20}
    assert count_hits(tokens, ["a", "b", "c"], key) == (2, 3)
    assert count_hits(tokens, ["a", "b", "c"], b"o" * 32) == (0, 3)


def test_nobody_is_named_where_chance_could_explain_it() -> None:
    assert named(10**9, {"g": 1}, 10**9) == []
    assert [each.grant_id for each in named(10, {"g": 1, "h": 0}, 1000)] == ["g"]


def test_longer_hexadecimal_values_are_no_pseudonyms(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(
        f"a,b\n{'a' * 64},{'b' * 21}\n{'c' * 20},户{'d' * 20}\n", encoding="utf-8"
    )
    assert leak_of(tmp_path / "f.csv").tokens == {"c" * 20, "d" * 20}


def test_a_broken_parquet_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"PAR1 broken")
    with pytest.raises(InputRefused, match="cannot be read"):
        leak_of(tmp_path / "f")


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


def test_a_part_of_an_extract_names_grant_person_and_time(scene: Scene) -> None:
    made = scene.delivered()
    narrow = scene.delivered(columns=["venue_id"])
    one = scene.table(made.id).column("contact_phone").to_pylist()[1]
    officer = client_as(scene.house, "watch")
    answer = officer.post("/api/v1/traces", content=f"contact_phone,rooms\n{one},3\n".encode("gb18030"))
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["named"]
    assert (found["grant_id"], found["hits"], found["org_id"]) == (scene.grant_id, 1, "insurer")
    assert found["chance"] < 1e-15
    assert [(each["id"], each["has_all_columns"], each["who"]) for each in found["deliveries"]] == [
        (made.id, True, "analyst"), (narrow.id, False, "analyst"),
    ]  # fmt: skip
    assert [kind for kind, _ in scene.events("leak.")] == ["leak.traced"]


def test_metadata_alone_name_nobody(scene: Scene) -> None:
    made = scene.delivered(columns=["venue_id"])
    said = (
        client_as(scene.house, "watch")
        .post("/api/v1/traces", content=scene.file(made.id).read_bytes())
        .json()
    )
    assert (said["named"], said["claims"]["extract"], said["claimed_is_known"]) == ([], made.id, True)


def test_who_may_trace_and_what_is_refused(scene: Scene) -> None:
    for who in ("analyst", "steward_a", "checker"):
        assert client_as(scene.house, who).post("/api/v1/traces", content=b"x").status_code == 403
    assert client_as(scene.house, "watch").post("/api/v1/traces", content=b"").status_code == 422
    assert not list((scene.house.settings.files_dir / "stage").glob("*.trace"))


@pytest.mark.parametrize(
    ("lang", "here", "not_here"),
    [("zh", "来自授权", "没有查到来源"), ("en", "It left under", "Nobody is named")],
)
def test_the_page_names_or_says_that_it_cannot(scene: Scene, lang: str, here: str, not_here: str) -> None:
    one = scene.table(scene.delivered().id).column("contact_phone").to_pylist()[0]
    page = browser_as(scene.house, "watch", lang)
    form = page.get("/traces").text
    assert 'type="file"' in form
    assert here in _traced(page, one.encode())
    assert not_here in _traced(page, b"a,b")
    assert "PAR1" not in _traced(page, b"PAR1 broken")


def _traced(page: Browser, body: bytes) -> str:
    return page.post("/traces", data={"csrf": page.csrf}, files={"file": ("leak.csv", body)}).text
