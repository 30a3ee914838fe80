"""Great Expectations' Data Docs of a verdict as a zip to open at home. Loads Great Expectations: for the worker alone."""

from __future__ import annotations

import zipfile
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Final

from quality.gx.door import opened, quietly
from quality.verdict import Verdict

_RESULTS: Final = "validations/{name}/run/{stamp}/verdict.html"
_SUITE: Final = "expectations/{name}.html"
_INDEX: Final = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>{name}</title></head>
<body><h1>{name}</h1>
<p>Great Expectations Data Docs</p>
<ul><li><a href="{results}">校验结果 Validation results: {run}</a></li>
<li><a href="{suite}">规则集 Expectation suite</a></li></ul>
<p>页面样式取自公共网络；脚本已关闭。 The pages fetch their styles from public networks; their scripts are switched off.</p>
</body></html>
"""


def write_site(verdict: Verdict, out: Path, *, name: str, run: str, given_at: datetime) -> None:
    """The site of one verdict. name: of the suite, letters, digits, `-` and `_` only; run: what it is called on the pages."""
    with quietly():
        opened()
        from quality.gx.docs import pages

        results, suite = pages(verdict, name=name, run=run, given_at=given_at)
    at = {"name": name, "stamp": given_at.strftime("%Y%m%dT%H%M%SZ")}
    paths = {"results": _RESULTS.format(**at), "suite": _SUITE.format(**at)}
    index = _INDEX.format(name=escape(name), run=escape(run), **paths)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in (("index.html", index), (paths["results"], results), (paths["suite"], suite)):
            archive.writestr(zipfile.ZipInfo(path, given_at.timetuple()[:6]), text, zipfile.ZIP_DEFLATED)
