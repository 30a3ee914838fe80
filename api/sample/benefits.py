"""DP-BC-001 benefits and convenience: the answer of a department's interface, JSON in an envelope."""

from __future__ import annotations

from functools import cache
from typing import Final

import pandas as pd

from api.sample import checks, files
from api.sample.model import SampleDataset, SampleFile, column, failing, passing, record
from api.sample.places import landline, mobile, repeated, rng, spoil
from api.sample.venues import COUNT as VENUES
from api.sample.venues import ID as REGISTER
from api.sample.venues import venues
from core.text import Text

ID: Final = "DP-BC-001"
AS_OF: Final = "2026-10-01"
COUNT: Final = 300
CATEGORIES: Final = ("门票优惠", "文旅券", "免费停车", "便民驿站", "无障碍", "母婴室", "公厕")
SHARES: Final = (0.22, 0.16, 0.14, 0.14, 0.12, 0.10, 0.12)
WHO: Final = ("全体游客", "60周岁以上老人", "未成年人", "现役军人", "残障人士", "深圳户籍居民")
WHAT: Final = {
    "门票优惠": ("门票五折", "门票七折", "免首道门票"),
    "文旅券": ("满200减50", "满100减20", "住宿立减80元"),
    "免费停车": ("首2小时免费停车", "节假日全天免费停车"),
    "便民驿站": ("免费饮水、充电、急救包",),
    "无障碍": ("提供轮椅与无障碍通道",),
    "母婴室": ("配备哺乳间与尿布台",),
    "公厕": ("二类公厕，24小时开放",),
}

COLUMNS: Final = [
    column("benefit_id", Text("措施编码", "Measure code"), "string", Text("DP-B 加四位数字", "DP-B and four digits"), primary=True),
    column("title", Text("标题", "Title"), "string", Text("对外公布的标题", "Title as published")),
    column("category", Text("类别", "Category"), "string", Text("惠民便民类别", "Kind of benefit"), code_list="benefit_category"),
    column("venue_id", Text("场所编码", "Venue code"), "string", Text("见旅游场所与民宿名录", "As in the register of venues")),
    column("eligible", Text("适用人群", "Who is eligible"), "string", Text("可享受的人群", "Who may use it")),
    column("discount_desc", Text("优惠内容", "Benefit"), "string", Text("优惠或服务的说明", "What is offered")),
    column("valid_from", Text("有效期起", "Valid from"), "date", Text("首日", "First day")),
    column("valid_to", Text("有效期止", "Valid to"), "date", Text("末日", "Last day")),
    column("apply_channel", Text("申领渠道", "How to apply"), "string", Text("线上或线下渠道", "Online or on the spot")),
    column("service_phone", Text("服务电话", "Telephone"), "string", Text("服务台固定电话", "Landline of the service desk")),
    column("source_url", Text("来源链接", "Source"), "string", Text("公布页面", "Page where it is published")),
]  # fmt: skip

SUITE: Final = checks.suite(
    ID,
    checks.exactly_columns("BC1-columns", COLUMNS),
    checks.unique("BC1-unique", ["benefit_id"], Text("措施编码不得重复", "A measure code occurs once")),
    checks.present("BC1-title", "title", Text("标题必填", "A measure has a title")),
    checks.shaped("BC1-blank", "title", r"\S", Text("标题不得只有空格", "A title is more than blanks"), code="0201"),
    checks.known("BC1-category", "category", CATEGORIES, Text("类别须在代码表内", "The category is on the code list")),
    checks.covers("BC1-coverage", "category", CATEGORIES, Text("七个类别均应有措施", "All seven categories occur"), severity="warning"),
    checks.at_least("BC1-order", "valid_to", "valid_from", Text("有效期止不得早于起", "A measure does not end before it begins"), code="0503"),
    checks.check("BC1-expired", "0501", "expect_column_values_to_be_between", Text("过期措施不超过 5%", "At most 5 % of the measures have expired"),
                 severity="warning", column="valid_to", min_value=AS_OF, mostly=0.95),
    checks.exists("BC1-venue", ["venue_id"], REGISTER, Text("场所须已在名录中登记", "The venue is registered")),
    checks.free_of("BC1-mobile", "discount_desc", checks.MOBILE, Text("说明文字不得含个人手机号", "No mobile number in the text")),
    checks.shaped("BC1-url", "source_url", r"^https://", Text("来源链接须为 https 地址", "The source is an https address")),
)  # fmt: skip


@cache
def benefits() -> pd.DataFrame:
    draw = rng(6)
    known = venues()
    rows = []
    for i, drawn in enumerate(draw.choice(CATEGORIES, size=COUNT, p=SHARES), start=1):
        venue = known.iloc[draw.integers(VENUES)]
        what = WHAT[str(drawn)][draw.integers(len(WHAT[str(drawn)]))]
        start = pd.Timestamp("2026-01-01") + pd.Timedelta(days=int(draw.integers(0, 250)))
        end = pd.Timestamp(AS_OF) + pd.Timedelta(days=int(draw.integers(10, 400)))
        rows.append(
            {
                "benefit_id": f"DP-B{i:04d}",
                "title": f"{venue['venue_name']}{drawn}",
                "category": str(drawn),
                "venue_id": venue["venue_id"],
                "eligible": WHO[draw.integers(len(WHO))],
                "discount_desc": what,
                "valid_from": start,
                "valid_to": end if draw.random() > 0.02 else pd.Timestamp("2026-09-15"),
                "apply_channel": ("公众号", "现场出示证件", "无需申领")[draw.integers(3)],
                "service_phone": landline(2000 + i),
                "source_url": f"https://tourism.example.invalid/benefits/{i}",
            }
        )
    return pd.DataFrame(rows)


def _defective() -> bytes:
    frame = benefits()
    frame = frame[frame["category"] != "母婴室"].reset_index(drop=True)
    spoil(frame, range(5, 11), valid_from=pd.Timestamp("2027-06-01"), valid_to=pd.Timestamp("2027-01-01"))
    spoil(frame, range(20, 24), title=None)
    spoil(frame, range(25, 27), title="  ")
    spoil(frame, range(30, 35), category="打折券")
    spoil(frame, range(40, 43), discount_desc=[f"领券请联系{mobile(n)}" for n in range(3)])
    spoil(frame, range(50, 54), venue_id=["V12", "DP-V9001", "DP-V9002", "DP-V9003"])
    live = [i for i, end in enumerate(frame["valid_to"]) if end >= pd.Timestamp(AS_OF) and i >= 60]
    spoil(frame, live[:30], valid_from=pd.Timestamp("2024-05-01"), valid_to=pd.Timestamp("2024-12-31"))
    spoil(frame, live[40:42], source_url="见公众号")
    return files.as_json(repeated(frame, live[50:52]))


DATASET: Final = SampleDataset(
    ID,
    record(
        ID,
        Text("惠民便民措施", "Benefits and convenience"),
        Text(
            "面向游客的门票优惠、文旅券、免费停车与便民设施清单，逐条注明适用人群与有效期。",
            "Tickets at a discount, vouchers, free parking and conveniences for visitors, with who is eligible and until when.",
        ),
        publisher="org-tourism",
        keywords=[Text("惠民", "benefits"), Text("便民", "convenience"), Text("文旅券", "vouchers")],
        period=("2026-01-01", "2027-12-31"),
        freq="1",
        interval=None,
        source_system=Text("文旅惠民平台", "Tourism benefits platform"),
        lineage=Text("经营单位申报，文旅部门每周核对", "Declared by the operators, compared weekly by the tourism office"),
        formats=["json", "parquet"],
    ),
    COLUMNS,
    SUITE,
    SampleFile("benefits_20261001.json", lambda: files.as_json(benefits()), passing()),
    SampleFile(
        "benefits_20260930.json",
        _defective,
        failing(
            BC1_unique=4,
            BC1_title=4,
            BC1_blank=2,
            BC1_category=5,
            BC1_coverage=None,
            BC1_order=6,
            BC1_expired=35,
            BC1_venue=4,
            BC1_mobile=3,
            BC1_url=2,
        ),
        (
            Text("2 条重复", "2 measures twice"),
            Text("4 条无标题，2 条标题只有空格", "4 without a title, 2 with a blank one"),
            Text("5 条未知类别“打折券”，母婴室类全部缺失", "5 of the unknown category “打折券”, no nursing room at all"),
            Text("6 条有效期颠倒，过期措施超过 5%", "6 that end before they begin, more than 5 % expired"),
            Text("3 条说明文字含手机号", "3 texts with a mobile number"),
            Text("4 条场所编码不在名录，2 条来源不是链接", "4 unknown venues, 2 sources that are no address"),
        ),
    ),
)  # fmt: skip
