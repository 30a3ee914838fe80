"""`datagrant check`: the gate alone, without a server."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from api.cli.members import listing_of, print_members
from api.reading_options import (
    Delimiter,
    Encoding,
    FillMissing,
    Format,
    HeaderLine,
    HeaderRows,
    Member,
    QuoteMark,
    Sheet,
    Zone,
    told,
)
from core.errors import AppError, InputRefused
from core.text import Lang, Text

if TYPE_CHECKING:
    from pydantic import BaseModel

    from datasets.intake.check import CheckReport, FailingFacts
    from datasets.intake.check_members import MemberReport
    from datasets.intake.dictionary import Dictionary
    from datasets.intake.guesses import Guess

REFUSED = 2
EXIT = {"passed": 0, "failed": 1, "error": 3, "refused": REFUSED}
"""By outcome, the worst last."""

HEADINGS = (
    Text("规则", "expectation"),
    Text("级别", "severity"),
    Text("结果", "outcome"),
    Text("不符", "unexpected"),
)
_RULE = ("type", "kwargs", "severity", "meta")
OUTCOMES = {
    "passed": Text("通过", "passed"),
    "failed": Text("未通过", "failed"),
    "error": Text("无法运行", "could not run"),
}
_TAKES = {
    "--with": Text("数据集编码=文件", "DATASET_ID=FILE"),
    "--member-suite": Text("成员=文件", "MEMBER=FILE"),
}
COLOURS = {"passed": "green", "failed": "red", "error": "yellow"}


class Engine(StrEnum):
    DUCKDB = "duckdb"
    PANDAS = "pandas"


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


def check(
    file: Path = typer.Argument(
        help="The table: CSV, Excel, ODS, JSON, GeoJSON or Parquet, also in gzip or zip."
    ),
    suite: Path | None = typer.Option(None, help="Expectation suite in Great Expectations' JSON form."),
    each: bool = typer.Option(
        False,
        "--each",
        help="Check each member of an archive by itself (those that --member fits); --out is a folder.",
    ),
    member_suite: list[str] = typer.Option(
        [],
        "--member-suite",
        help="MEMBER=FILE: with --each, the suite of one member; repeatable.",
        metavar="MEMBER=FILE",
    ),
    dictionary: Path | None = typer.Option(None, help="Data dictionary (JSON); without it all is detected."),
    out: Path | None = typer.Option(None, help="Where the typed Parquet goes when the gate passes."),
    report: Path | None = typer.Option(None, help="Where the report (JSON) goes."),
    failing: Path | None = typer.Option(
        None,
        help="Where every failing row of every rule goes (.parquet or .csv), with key columns and value.",
    ),
    untyped: Path | None = typer.Option(
        None,
        help="Where every cell goes that its declared type cannot hold (.parquet or .csv): record, line, column, value, wanted type.",
    ),
    others: list[str] = typer.Option(
        [],
        "--with",
        help="DATASET_ID=FILE: a file for a dataset that rules compare with; repeatable.",
        metavar="DATASET_ID=FILE",
    ),
    last_release: Path | None = typer.Option(None, help="A file for this table's own last release."),
    key: list[str] = typer.Option(
        [],
        "--key",
        help="A column by which failing rows are told in the report; repeatable.",
        metavar="COLUMN",
    ),
    update_frequency: str = typer.Option(
        "", help="For rules of freshness by frequency: a code of update_freq (3: daily) or PT1H …"
    ),
    encoding: Encoding = "",
    delimiter: Delimiter = "",
    header_line: HeaderLine = -1,
    header_rows: HeaderRows = -1,
    sheet: Sheet = "",
    member: Member = "",
    fill_missing: FillMissing = False,
    file_format: Format = "",
    quote: QuoteMark = "",
    zone: Zone = "",
    engine: Engine = typer.Option(Engine.DUCKDB, help="Which engine runs the suite."),
    lang: Language = typer.Option(Language.ZH, help="Language of what is printed."),
) -> None:
    """Check one file. Exit 0: passed, 1: failed, 2: input refused, 3: an expectation could not run."""
    spoken: Lang = "zh" if lang is Language.ZH else "en"
    known: Dictionary | None = None
    try:
        given, named = _named_files(others), _named_files(member_suite, "--member-suite")
        inputs = (file, suite, dictionary, last_release, *given.values(), *named.values())
        _refuse_overwriting(inputs=inputs, outputs=(out, report, failing, untyped))
        known = told(
            dictionary, encoding=encoding, delimiter=delimiter, header_line=header_line,
            header_rows=header_rows, sheet=sheet, member=member, fill_missing=fill_missing,
            format=file_format, quote=quote, zone=zone,
        )  # fmt: skip
        from core.settings import Settings
        from core.work import system_clock
        from datasets.intake.check import check_file, load_suite

        rules = load_suite(suite) if suite is not None else None
        how: dict[str, Any] = {
            "engine": engine.value, "reference": system_clock(), "others": given, "last": last_release,
            "often": update_frequency, "keys": key, "query_seconds": Settings().query_seconds,
            "memory_limit_mb": Settings().memory_limit_mb,
        }  # fmt: skip
        if each:
            if failing is not None or untyped is not None:
                raise _one_list_each()
            from datasets.intake.check_members import MembersReport, check_members, member_names

            suites = {name: load_suite(path) for name, path in named.items()}
            names = member_names(file, known.member)
            answers = list(check_members(file, rules, names, suites=suites, dictionary=known, out=out, **how))
            if report is not None:
                _write(report, MembersReport(members=answers))
        else:
            if rules is None or named:
                raise _no_suite()
            found = check_file(
                file, rules, dictionary=known, out=out, failing=failing, untyped=untyped, **how
            )
            if report is not None:
                _write(report, found)
    except AppError as refused:
        typer.echo(refused.detail.in_(spoken), err=True)
        if known is not None and (listing := listing_of(file, known, refused)):
            print_members(listing.model_dump(mode="json")["members"], listing.total, spoken)
        raise typer.Exit(REFUSED) from None
    if each:
        for answer in answers:
            _show_member(answer, spoken)
        worst = max((answer.outcome for answer in answers), key=list(EXIT).index)
        raise typer.Exit(EXIT[worst])
    _show(found, spoken)
    raise typer.Exit(EXIT[found.verdict])


command = check


def _no_suite() -> InputRefused:
    return InputRefused(
        Text(
            "请用 --suite 给出规则集；--member-suite 只与 --each 一起用。",
            "Give a suite by --suite; --member-suite goes with --each only.",
        )
    )


def _one_list_each() -> InputRefused:
    return InputRefused(
        Text(
            "--failing 与 --untyped 写一个表的清单，不与 --each 一起用；请用 --member 逐个检查。",
            "--failing and --untyped list one table and do not go with --each; check the members one by one by --member.",
        )
    )


def _show_member(answer: MemberReport, lang: Lang) -> None:
    """One member: its report, or why it was refused."""
    print(f"== {answer.member}")
    if answer.report is not None:
        _show(answer.report, lang)
    elif answer.refused is not None:
        print(answer.refused.in_(lang))


def _named_files(given: list[str], option: str = "--with") -> dict[str, Path]:
    """`NAME=FILE` as typed, one for each name; raises InputRefused."""
    found: dict[str, Path] = {}
    for each in given:
        name, equals, path = each.rpartition("=") if option != "--with" else each.partition("=")
        if not (name and equals and path) or name in found:
            raise InputRefused(
                Text(
                    f"{option} 应写作 {_TAKES[option].zh}，每个一次，实为 {each!r}。",
                    f"{option} takes {_TAKES[option].en}, once for each, not {each!r}.",
                )
            )
        found[name] = Path(path)
    return found


def _refuse_overwriting(*, inputs: tuple[Path | None, ...], outputs: tuple[Path | None, ...]) -> None:
    """Nothing that was handed in is written over, and no output over the other."""
    taken = {path.resolve() for path in inputs if path is not None}
    for path in outputs:
        if path is None:
            continue
        if path.resolve() in taken:
            raise InputRefused(
                Text(
                    f"{path} 同时是输入或另一项输出，写入会覆盖它；请换一个文件名。",
                    f"{path} is also an input or the other output and would be overwritten; choose another name.",
                )
            )
        taken.add(path.resolve())


def _write(path: Path, found: BaseModel) -> None:
    """The report in one piece, so that no reader meets half of it."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise InputRefused(
            Text(
                f"写不了报告 {path}：{error.strerror}；请检查路径。",
                f"Cannot write the report {path}: {error.strerror}; check the path.",
            )
        ) from error


def _show(found: CheckReport, lang: Lang) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from datasets.intake.guesses import doubts
    from quality.suite import Expectation
    from quality.troubles import trouble
    from quality.wording import describe, severity_name

    console = Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print(escape(_summary(found).in_(lang)))
    table = Table(*(heading.in_(lang) for heading in HEADINGS))
    for each in found.expectations:
        outcome = each["outcome"]
        count = each["unexpected_count"]
        table.add_row(
            escape(describe(Expectation.model_validate({key: each[key] for key in _RULE})).in_(lang)),
            severity_name(each["severity"]).in_(lang),
            f"[{COLOURS[outcome]}]{OUTCOMES[outcome].in_(lang)}[/]",
            escape(trouble(str(each["error"])).in_(lang))
            if outcome == "error"
            else ""
            if count is None
            else str(count),
        )
    console.print(table)
    if doubtful := doubts(found.input.detection):
        console.print(f"[yellow]{escape(_doubtful(doubtful).in_(lang))}[/]")
    if found.findings_total:
        console.print(escape(_noticed(found).in_(lang)))
    if found.untyped_cells:
        console.print(f"[red]{escape(_untyped(found).in_(lang))}[/]")
    if found.untyped is not None:
        console.print(escape(_lost(found.untyped).in_(lang)))
    if found.failing is not None:
        console.print(escape(_listed(found.failing).in_(lang)))
    console.print(f"[{COLOURS[found.verdict]}]{escape(_conclusion(found).in_(lang))}[/]")


def _summary(found: CheckReport) -> Text:
    how = found.input
    facts = [how.format, how.container, how.encoding, how.sheet, how.member]
    shown = ", ".join(str(fact) for fact in facts if fact)
    line_zh = f"，表头在第 {how.header_line} 行" if how.header_line else ""
    line_en = f", header in line {how.header_line}" if how.header_line else ""
    return Text(
        f"{how.path}：{found.table.rows} 行 × {len(found.table.columns)} 列（{shown}{line_zh}）",
        f"{how.path}: {found.table.rows} rows × {len(found.table.columns)} columns ({shown}{line_en})",
    )


def _noticed(found: CheckReport) -> Text:
    first = found.findings[:5]
    more_zh = f"\n  …共 {found.findings_total} 条" if found.findings_total > len(first) else ""
    more_en = f"\n  … {found.findings_total} in all" if found.findings_total > len(first) else ""
    return Text(
        "读取时发现：" + "".join(f"\n  · {each.text.zh}" for each in first) + more_zh,
        "Noticed while reading:" + "".join(f"\n  · {each.text.en}" for each in first) + more_en,
    )


def _doubtful(guesses: list[Guess]) -> Text:
    from datasets.intake.detection import described
    from datasets.intake.guesses import ASPECT_NAMES

    said = [(ASPECT_NAMES[guess.aspect], described(guess)) for guess in guesses]
    return Text(
        "读取方式没有把握，请核对："
        + "".join(f"\n  · {name.zh}：{text.zh}" for name, text in said)
        + "\n  用 datagrant preview 查看；用 --encoding、--delimiter、--header-line、--sheet、--member 等指明。",
        "How the file was read is doubtful, please look:"
        + "".join(f"\n  · {name.en}: {text.en}" for name, text in said)
        + "\n  See it by datagrant preview; say otherwise by --encoding, --delimiter, --header-line, --sheet or --member.",
    )


def _untyped(found: CheckReport) -> Text:
    return Text(
        f"有 {found.untyped_cells} 个单元格不符合数据字典的类型，放行会丢失它们；请更正后重新提交。",
        f"{found.untyped_cells} cells do not have the type that the dictionary declares and would be lost; "
        "correct them and hand the file in again.",
    )


def _lost(found: FailingFacts) -> Text:
    return Text(
        f"全部不符合类型的单元格（共 {found.rows} 个）已写入 {found.path}。",
        f"Every cell that does not have its declared type ({found.rows} in all) was written to {found.path}.",
    )


def _listed(found: FailingFacts) -> Text:
    return Text(
        f"全部问题行（每条规则每行一条，共 {found.rows} 条）已写入 {found.path}。",
        f"Every failing row, once for each rule that it fails ({found.rows} in all), was written to {found.path}.",
    )


def _conclusion(found: CheckReport) -> Text:
    if found.verdict == "passed":
        where_zh = f"，已写出 {found.output.path}（{found.output.rows} 行）" if found.output else ""
        where_en = f"; written to {found.output.path} ({found.output.rows} rows)" if found.output else ""
        return Text(f"通过{where_zh}。", f"Passed{where_en}.")
    if found.verdict == "failed":
        return Text("未通过，不予放行。", "Failed: the table is not let out.")
    if found.missing_columns:
        lacking = ", ".join(found.missing_columns[:10])
        present = ", ".join(column.name for column in found.table.columns[:20])
        return Text(
            f"规则集用到表里没有的列：{lacking}（表里有：{present}），相应规则无法运行，不予放行；"
            "请核对列名与表头行，或更正规则集。",
            f"The suite names columns that the table lacks: {lacking} (it has: {present}). Rules about them could not run, "
            "so the table is not let out. Check the names and the header line, or mend the suite.",
        )
    return Text(
        "有规则无法运行，不予放行；请检查规则集。",
        "An expectation could not run: the table is not let out. Check the suite.",
    )
