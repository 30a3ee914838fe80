"""Branch coverage of the modules that decide: rules, workflows, policy and tokens. `python -m tests.campaigns.coverage [--write] [--keep FOLDER] [--only TEST…] [--side-by-side N]`.

Runs the tests that are about them, on SQLite, and says for each module what no test has reached; `--write` puts the table
into docs/coverage.md; `--keep` leaves in FOLDER which test reaches which line (for `tests.campaigns.mutation`). `--only` runs these tests alone and adds
what they reach to what FOLDER holds: enough where nothing but they and what they are about has changed since. `--side-by-side` shares the files of tests
out among so many runs. Exit 1 where anything is left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "coverage.md"
JUDGED: Final = (
    "auth/*/rules.py",
    "auth/*/workflow.py",
    "auth/*/*_workflow.py",
    "auth/applications/deciding.py",
    "auth/applications/gates.py",
    "auth/applications/inviting.py",
    "auth/applications/judging.py",
    "auth/applications/reviewing.py",
    "auth/applications/signing.py",
    "auth/applications/terms.py",
    "auth/casework/machine.py",
    "auth/delegations/standing.py",
    "auth/grants/activating.py",
    "auth/grants/blocks.py",
    "auth/grants/keys.py",
    "auth/grants/standing.py",
    "auth/grants/succession.py",
    "auth/grants/usage.py",
    "auth/policy/*",
    "auth/profile/now.py",
    "auth/profile/service.py",
    "auth/proof/receipts.py",
    "auth/identity/api_keys.py",
    "auth/identity/assertions.py",
    "auth/identity/id_tokens.py",
    "auth/identity/keyring.py",
    "auth/identity/licence.py",
    "auth/identity/possession.py",
    "auth/identity/refresh.py",
    "auth/identity/sessions.py",
    "auth/identity/tokens.py",
    "auth/roles.py",
    "auth/scope.py",
    "catalog/rules.py",
    "catalog/workflow.py",
    "catalog/*/rules.py",
    "catalog/*/workflow.py",
    "datasets/*/rules.py",
    "datasets/*/workflow.py",
    "datasets/extracts/compile.py",
    "datasets/extracts/keys.py",
    "datasets/extracts/pseudonyms.py",
    "datasets/extracts/small_cells.py",
    "datasets/extracts/tickets.py",
    "datasets/queries/across.py",
    "datasets/queries/deciding.py",
    "datasets/queries/masked.py",
    "datasets/queries/overlap.py",
    "datasets/queries/private/budget.py",
    "datasets/queries/*/rules.py",
    "datasets/tickets/policy.py",
    "quality/schemes/workflow.py",
)
TESTS: Final = (
    "tests/auth",
    "tests/api/test_download_tickets.py",
    "tests/api/test_oidc.py",
    "tests/api/test_scoring.py",
    "tests/api/test_second_factor.py",
    "tests/api/test_webhooks.py",
    "tests/api/test_webhooks_of_stops.py",
    "tests/catalog/changes/test_rules.py",
    "tests/catalog/changes/test_service.py",
    "tests/catalog/discussions/test_service.py",
    "tests/catalog/proposals/test_rules.py",
    "tests/catalog/proposals/test_service.py",
    "tests/catalog/reuses/test_reuses.py",
    "tests/catalog/use/test_rules.py",
    "tests/catalog/test_records.py",
    "tests/catalog/test_rules.py",
    "tests/catalog/test_rules_at_their_edges.py",
    "tests/catalog/test_scores.py",
    "tests/datasets/batches/test_gate.py",
    "tests/datasets/batches/test_splitting.py",
    "tests/datasets/batches/test_workflow.py",
    "tests/datasets/enclave",
    "tests/datasets/extracts/test_building.py",
    "tests/datasets/extracts/test_compile.py",
    "tests/datasets/extracts/test_deciding.py",
    "tests/datasets/extracts/test_delivering.py",
    "tests/datasets/extracts/test_explaining.py",
    "tests/datasets/extracts/test_places.py",
    "tests/datasets/extracts/test_pseudonyms.py",
    "tests/datasets/extracts/test_small_cells.py",
    "tests/datasets/extracts/test_tickets.py",
    "tests/datasets/harvest/test_harvest.py",
    "tests/datasets/links",
    "tests/datasets/outputs",
    "tests/datasets/push/test_machine.py",
    "tests/datasets/push/test_push.py",
    "tests/datasets/push/test_rules.py",
    "tests/datasets/queries",
    "tests/datasets/releases/test_publishing.py",
    "tests/datasets/releases/test_rules.py",
    "tests/datasets/releases/test_sorting.py",
    "tests/datasets/releases/test_versions.py",
    "tests/datasets/sharing/test_protocol.py",
    "tests/datasets/sharing/test_rows.py",
    "tests/datasets/test_rules_at_their_edges.py",
    "tests/datasets/sources/test_pages.py",
    "tests/datasets/sources/test_runs.py",
    "tests/datasets/sources/test_schedule.py",
    "tests/datasets/tickets",
    "tests/datasets/tracing/test_leaks.py",
    "tests/datasets/tracing/test_marks.py",
    "tests/datasets/tracing/test_readings.py",
    "tests/datasets/trends",
    "tests/datasets/waivers",
)
PYTEST: Final = (
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "-p",
    "tests.campaigns.contexts",
    "-k",
    "not postgres",
    "-m",
    "not browser and not crash",
)
SETTINGS: Final = f"""[run]
branch = True
relative_files = True
include =
    {chr(10).join(JUDGED).replace(chr(10), chr(10) + "    ")}
[report]
exclude_also =
    assert_never
    if TYPE_CHECKING:
"""
BEFORE: Final = """# What the tests reach of the rules

Written by `python -m tests.campaigns.coverage --write`: lines and branches of the modules that decide (rules, workflows, policy, tokens) in every room, as reached
by the tests about them on SQLite. A line that only says `assert_never` is left out: it cannot be reached.

"""


def measured(folder: Path, only: list[str], many: int = 1) -> dict[str, Any]:
    """Run the tests under coverage, in `many` runs side by side; its own JSON report. Exits where a test fails. `only`: these, added to what was kept."""
    folder.mkdir(parents=True, exist_ok=True)
    settings, data, report = folder / "rc", folder / "data", folder / "report.json"
    settings.write_text(SETTINGS, encoding="utf-8")
    tool, given = [sys.executable, "-m", "coverage"], [f"--rcfile={settings}"]
    shares = [share for at in range(many) if (share := (only or files_of(TESTS))[at::many])]
    parts = [folder / f"part.{at}" for at in range(len(shares))]
    runs = [
        subprocess.Popen([*tool, "run", *given, f"--data-file={part}", *PYTEST, *share], cwd=ROOT)
        for part, share in zip(parts, shares, strict=True)
    ]
    codes = [run.wait() for run in runs]
    if any(codes):
        sys.exit("a test fails: what it reaches proves nothing")
    given.append(f"--data-file={data}")
    subprocess.run(
        [*tool, "combine", *given, *(["--append"] if only else []), *map(str, parts)], cwd=ROOT, check=True
    )
    subprocess.run([*tool, "json", *given, "-q", "--show-contexts", "-o", str(report)], cwd=ROOT, check=True)
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def files_of(tests: tuple[str, ...]) -> list[str]:
    """The files of tests in these folders."""
    found = [
        [ROOT / test] if test.endswith(".py") else sorted((ROOT / test).rglob("test_*.py")) for test in tests
    ]
    return [str(file.relative_to(ROOT)) for each in found for file in each]


def lines(found: dict[str, Any]) -> list[str]:
    """One line of the table for each module that decides anything."""
    listed = []
    for name, module in sorted(found["files"].items()):
        sums, left = module["summary"], module["missing_lines"]
        if not sums["num_statements"]:
            continue
        steps = [f"{start}→{'end' if end < 0 else end}" for start, end in module["missing_branches"]]
        missed = ", ".join([*map(str, left), *steps]) or "—"
        listed.append(f"| {name} | {sums['num_statements']} | {sums['num_branches']} | {missed} |")
    return listed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--side-by-side", type=int, default=1, metavar="N")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(asked.keep or Path(folder), asked.only, asked.side_by_side)
    table, sums = lines(found), found["totals"]
    said = (
        f"{len(table)} modules, {sums['num_statements']:,} statements, {sums['num_branches']:,} branches; "
        f"not reached: {sums['missing_lines']} statements, {sums['missing_branches']} branches.\n\n"
    )
    page = said + "| module | statements | branches | not reached |\n|---|---:|---:|---|\n" + "\n".join(table)
    print(page)  # noqa: T201 - a command's answer
    if asked.write:
        PAGE.write_text(BEFORE + page + "\n", encoding="utf-8")
    sys.exit(1 if sums["missing_lines"] or sums["missing_branches"] else 0)


if __name__ == "__main__":
    main()
