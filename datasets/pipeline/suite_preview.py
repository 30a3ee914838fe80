"""What one rule would find while it is being written: the same dry run, asked for many times and kept out of lists."""

from __future__ import annotations

from typing import Final

from core.jobs_run import JobKind
from core.text import Text
from datasets.pipeline.suite_try import run
from datasets.suites import PREVIEW

JOB: Final = JobKind(PREVIEW, Text("预览规则", "Preview a rule"), run, lane="check")
