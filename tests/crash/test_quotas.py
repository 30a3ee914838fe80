"""Sixteen processes and kill -9: quotas and budgets stay exact. The long form: `python -m tests.campaigns.quotas`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.crash.harness import ROOT


@pytest.mark.crash
@pytest.mark.slow
def test_quotas_and_budgets_hold_under_sixteen_processes_that_are_killed() -> None:
    played = subprocess.run(
        [sys.executable, "-m", "tests.campaigns.quotas", "--seconds", "8"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert played.returncode == 0, played.stderr[-3000:]
    found = json.loads(played.stdout.splitlines()[-1])
    assert found["processes"] == 16
    assert found["kills"] >= 5
    assert sum(found["heard"].values()) > 0
