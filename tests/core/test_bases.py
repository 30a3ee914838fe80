"""A rule's source is said in the reader's language."""

from __future__ import annotations

import pytest

from core import bases
from core.errors import Reason
from core.text import Text


@pytest.mark.parametrize(
    ("basis", "zh", "en"),
    [
        ("角色与权限 · roles and permissions", "角色与权限", "roles and permissions"),
        ("R38、R39 使用情况报告 · use reports (5)", "R38、R39 使用情况报告", "use reports (5)"),
        ("分级交付规则，参照 GB/T 43697-2024 · delivery by level, after GB/T 43697-2024", "分级交付规则，参照 GB/T 43697-2024", "delivery by level, after GB/T 43697-2024"),
        ("发改价格〔2025〕65号（最高准许收入）· highest revenue", "发改价格〔2025〕65号（最高准许收入）", "highest revenue"),
        ("GB/T 43697-2024", "GB/T 43697-2024", "GB/T 43697-2024"),
        ("only English", "only English", "only English"),
        ("甲 · 乙", "甲 · 乙", "甲 · 乙"),
        ("甲 · 乙 · both", "甲 · 乙", "both"),
        ("材料 · papers: local policy, after 告知承诺 in the yearly report", "材料", "papers: local policy, after 告知承诺 in the yearly report"),
        ("授权 · A 类数据不得对外提供", "授权 · A 类数据不得对外提供", "授权 · A 类数据不得对外提供"),
        ("one · two", "one · two", "one · two"),
        ("申请材料 · papers of an application：地方政策（R38）", "申请材料：地方政策（R38）", "papers of an application: 地方政策（R38）"),
        ("申请材料 · papers of an application：地方政策（R38） · local policy (R38)", "申请材料：地方政策（R38）", "papers of an application: local policy (R38)"),
        ("公共数据资源登记（26号）· registration; 区级政策 2026-01-01: 27号", "公共数据资源登记（26号）：区级政策 2026-01-01: 27号", "registration: 区级政策 2026-01-01: 27号"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_the_part_in_the_readers_language(basis: str, zh: str, en: str) -> None:
    assert (bases.said(basis, "zh"), bases.said(basis, "en")) == (zh, en)
    reason = Reason("code", Text("甲", "a"), basis)
    assert (reason.as_json("zh")["basis"], reason.as_json("en")["basis"]) == (zh, en)
    assert reason.basis == basis
