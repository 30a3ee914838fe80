"""What happens to data after their first release: a source that fetches, a sheet that is corrected, a difference to see, a waiver."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd
import python_calamine
import xlsxwriter

from api.client import Api
from api.sample import files, shuttles, warnings_in_force
from api.sample.model import SampleFile, passing
from api.sample.stage import Stage, done
from auth.policy.filters.rules import LOCAL
from quality.sheet import DATA_SHEET, HEADER_LINES

INBOX: Final = "inbox"
"""The folder below the demo's directory that its sources may look into (`DATAGRANT_SOURCE_ROOT`)."""
WARNINGS: Final = warnings_in_force.ID
SHUTTLES: Final = shuttles.ID
NEXT: Final = "预警信号_20261009.csv"
_APART_S: Final = 31.0
_WRONG: Final = {"大鹏半岛": "大鹏", "南澳街": "南澳"}
"""What two cells of the next file say, and what they should."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A source that has seen its file once; it takes it at the second look."""

    source_id: str
    since: float


def next_warnings() -> pd.DataFrame:
    """A day later: the two warnings in force are cancelled, three are new, two areas are misspelt."""
    frame = warnings_in_force.warnings().copy()
    open_ = frame["cancel_time"].isna()
    frame.loc[open_, "cancel_time"] = frame.loc[open_, "issue_time"] + pd.Timedelta(hours=6)
    issued = pd.Timestamp("2026-10-08 20:00:00")
    new = [
        {
            "warn_id": f"W-2026{warnings_in_force.COUNT + n:04d}", "area": area, "type": "台风", "level": "蓝",
            "issue_time": issued + pd.Timedelta(minutes=10 * n), "cancel_time": pd.NaT,
            "text": f"{_WRONG.get(area, area)}办事处发布台风蓝色预警信号。\n请注意防范，减少户外活动。",
        }
        for n, area in enumerate(("葵涌", *_WRONG), start=1)
    ]  # fmt: skip
    return pd.concat([frame, pd.DataFrame(new)], ignore_index=True)


def set_up_source(stage: Stage) -> Waiting | None:
    """The weather office names a folder that its system writes to; the first look notes the file. None where no folder may be looked into."""
    root = stage.house.settings.source_root
    if root is None:
        return None
    folder = Path(root) / "org-weather" / "warnings"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NEXT).write_bytes(files.as_csv(next_warnings()))
    body = {
        "dataset_id": WARNINGS, "name": "预警发布系统导出夹", "schedule": "manual",
        "config": {"kind": "folder", "path": "warnings", "pattern": "*.csv"},
    }  # fmt: skip
    with stage.as_("weather-prepare") as api:
        source = api.post("/sources", body)
        done(api, api.post(f"/sources/{source['id']}/run")["job_id"])
    stage.says(
        "weather-prepare",
        f"为 {WARNINGS} 登记来源：监视文件夹 warnings；首次查看记下文件，稳定后才取",
        f"sets up a source for {WARNINGS}: the folder warnings; the first look notes the file, which is taken once it rests",
    )
    return Waiting(source["id"], time.monotonic())


def fetched_corrected_released(stage: Stage, waiting: Waiting | None) -> None:
    """The file is fetched, stopped at the gate, mended on its correction sheet, released, and compared with the release before."""
    if waiting is None:
        return
    time.sleep(max(0.0, waiting.since + _APART_S - time.monotonic()))
    with stage.as_("weather-prepare") as api:
        done(api, api.post(f"/sources/{waiting.source_id}/run")["job_id"])
        (item,) = api.get(f"/sources/{waiting.source_id}/runs")["items"][0]["items"]
        fetched = api.get(f"/batches/{item['batch_id']}")
        done(api, fetched["job_id"])
        fetched = api.get(f"/batches/{item['batch_id']}")
        stage.says(
            "weather-prepare",
            f"来源取得 {item['name']}；放行拦下：{_failing(fetched)} 处不符",
            f"has {item['name']} fetched by the source; the gate stops it: {_failing(fetched)} places",
        )
        sheet = api.download(f"/batches/{fetched['id']}/rows", stage.folder / "warnings.xlsx")
        returned = stage.folder / "warnings-returned.xlsx"
        mended = mend(sheet, returned, "area", _WRONG)
        corrected = api.upload(
            "/batches", returned, dataset_id=WARNINGS, corrects=fetched["id"], rows_only="true"
        )
        done(api, corrected["job_id"])
    stage.says(
        "weather-prepare",
        f"在更正表中改正 {mended} 个单元格并交回，系统按行号合并，校验通过",
        f"mends {mended} cells on the correction sheet and returns it; it is merged by row, and passes",
    )
    with stage.as_("weather-publish") as api:
        release = stage.publish(api, corrected["id"])
        _tell_difference(stage, api, release)


def _tell_difference(stage: Stage, api: Api, release: dict[str, Any]) -> None:
    found = api.get("/releases/diff", **{"from": release["compared_to"], "to": release["id"]})
    counts = found["counts"]
    stage.says(
        "weather-publish",
        f"发布 {WARNINGS} 第 {release['number']} 版（{release['semver']}）：新增 {counts['added']} 行，变更 {counts['changed']} 行",
        f"publishes release {release['number']} of {WARNINGS} ({release['semver']}): {counts['added']} rows added, {counts['changed']} changed",
    )


def _failing(batch: dict[str, Any]) -> int:
    return sum(each["unexpected_count"] or 0 for each in batch["outcomes"] if each["outcome"] == "failed")


def mend(sheet: Path, out: Path, column: str, right: dict[str, str]) -> int:
    """What a person does on a correction sheet: put the right word into a column's wrong cells, save under another name; how many."""
    lines = python_calamine.CalamineWorkbook.from_path(sheet).get_sheet_by_name(DATA_SHEET).to_python()
    place, mended = lines[0].index(column), 0
    for line in lines[HEADER_LINES:]:
        if (word := right.get(str(line[place]))) is not None:
            line[place], mended = word, mended + 1
    with xlsxwriter.Workbook(out) as book:
        page = book.add_worksheet(DATA_SHEET)
        for row, line in enumerate(lines):
            for at, cell in enumerate(line):
                page.write_string(row, at, cell) if isinstance(cell, str) else page.write(row, at, cell)
    return mended


def crowded_bus(stage: Stage) -> None:
    """True figures that break a rule: a waiver of two people lets them out, and the release says so for ever."""
    frame = shuttles.shuttles().copy()
    frame.loc[frame.index[120], "boarded"] = int(frame["capacity"].iloc[120] * 1.2) + 4
    crowded = SampleFile("shuttles_20261003_crowded.csv.gz", lambda: shuttles.packed(frame), passing())
    until = stage.house.clock().astimezone(LOCAL).date() + timedelta(days=30)
    with stage.as_("transport-prepare") as api:
        batch = stage.hand_in(api, SHUTTLES, crowded)
    stage.says(
        "transport-prepare",
        f"提交 {crowded.name}：国庆当日一班确实超员，{_failing(batch)} 行不符",
        f"hands in {crowded.name}: one bus was truly overcrowded on the holiday, {_failing(batch)} row fails",
    )
    with stage.as_("transport-publish") as api:
        signed = api.post(
            "/waivers",
            {
                "dataset_id": SHUTTLES, "rule_key": "TR2-boarded", "valid_to": until.isoformat(), "max_count": 1,
                "reason": "国庆当日加密班次确有超员，数据属实，已通报运营单位",
            },
        )  # fmt: skip
    with stage.as_("approver") as api:
        api.step(f"/waivers/{signed['id']}/second", {"note": "数据属实，同意豁免至期满"})
    with stage.as_("transport-publish") as api:
        release = stage.publish(api, batch["id"])
    stage.says(
        "transport-publish",
        f"签发豁免（{until} 止，至多 1 行），审批人会签；发布第 {release['number']} 版，版本上永久注明",
        f"signs a waiver (until {until}, one row at most), the approver signs too; release {release['number']} names it for ever",
    )
