"""Great Expectations' own Data Docs for one verdict: its page of results and its page of the suite, drawn by its renderers.

Made from the stored verdict; nothing is run again. No data context is built, so nothing is reported to anybody. The
pages ask public networks for their styles; their scripts, which come from there too, are switched off by a policy in
each page, because the pages hold values of the data.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any, Final

import great_expectations
from great_expectations.core import (
    ExpectationSuite,
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.renderer.page_renderer import (
    ExpectationSuitePageRenderer,
    ValidationResultsPageRenderer,
)
from great_expectations.render.view import DefaultJinjaPageView

from quality.gx import cross_prepare
from quality.verdict import Outcome, Verdict

_POLICY: Final = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self' data:; "
    "font-src https: data:; style-src 'unsafe-inline' https:; script-src 'none'; form-action 'none'\">"
)


def pages(verdict: Verdict, *, name: str, run: str, given_at: datetime) -> tuple[str, str]:
    """The page of results and the page of the suite, as HTML. name: a file name's stem; the pages link to each other by it."""
    configurations = [_configuration(each) for each in verdict.expectations]
    results = [
        _result(each, configuration)
        for each, configuration in zip(verdict.expectations, configurations, strict=True)
    ]
    told = verdict.statistics
    validation = ExpectationSuiteValidationResult(
        success=verdict.verdict == "passed",
        results=results,
        suite_name=name,
        statistics={
            "evaluated_expectations": told["evaluated"],
            "successful_expectations": told["passed"],
            "unsuccessful_expectations": told["failed"] + told["errors"],
            "success_percent": told["success_percent"],
        },
        meta={
            "great_expectations_version": great_expectations.__version__,
            "run_id": {"run_name": run, "run_time": given_at.isoformat()},
            "active_batch_definition": {},
        },
    )
    suite = ExpectationSuite(name=name)
    for configuration in configurations:
        suite.add_expectation_configuration(configuration)
    return _page(ValidationResultsPageRenderer().render(validation)), _page(
        ExpectationSuitePageRenderer().render(suite)
    )


def _page(document: Any) -> str:
    html: str = DefaultJinjaPageView().render(document)
    return html.replace("<head>", f"<head>{_POLICY}", 1)


def _configuration(each: Outcome) -> ExpectationConfiguration:
    return ExpectationConfiguration(
        type=each.type, kwargs=cross_prepare.shown(each), meta=dict(each.meta), severity=each.severity
    )


def _told_by_keys(each: Outcome) -> dict[str, Any]:
    """The failing rows by their key columns, in the form from which the stock pages draw a table of values, counts and keys.

    Only where one column was looked at: then each kept example belongs to the key of the same row.
    """
    found = list(zip(each.examples, each.failing_keys, strict=False))
    name = each.kwargs.get("column")
    if not found or not name or any(isinstance(value, dict) for value, _ in found):
        return {}
    columns = [key for key in found[0][1] if key != name]
    if not columns:
        return {}
    counts = Counter(json.dumps(value, ensure_ascii=False) for value, _ in found)
    return {
        "partial_unexpected_counts": [
            {"value": json.loads(value), "count": count} for value, count in counts.items()
        ],
        "unexpected_index_list": [
            {str(name): value, **{key: keys[key] for key in columns}} for value, keys in found
        ],
        "unexpected_index_column_names": columns,
    }


def _result(each: Outcome, configuration: ExpectationConfiguration) -> ExpectationValidationResult:
    counted = {
        "element_count": each.element_count,
        "unexpected_count": each.unexpected_count,
        "unexpected_percent": each.unexpected_percent,
        "observed_value": each.observed_value,
        "partial_unexpected_list": each.examples or None,
        **_told_by_keys(each),
    }
    broken = each.outcome == "error"
    return ExpectationValidationResult(
        success=each.outcome == "passed",
        expectation_config=configuration,
        result={name: value for name, value in counted.items() if value is not None},
        exception_info={
            "raised_exception": broken,
            "exception_message": each.error if broken else None,
            "exception_traceback": "" if broken else None,
        },
        meta={},
    )
