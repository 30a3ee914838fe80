"""Synonyms, words for suggestions, and what rules the search index was built by"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "find_0001"
down_revision = "query_0001"
branch_labels = None
depends_on = None

# What a new installation begins with; its administrators change it at /admin/synonyms.
GROUPS = """
停车|泊车|parking
停车场|停车库|停车楼|parking lot|car park
公交|公共汽车|公共交通|巴士|bus|public transport|public transit
地铁|轨道交通|捷运|metro|subway
出租车|的士|计程车|taxi
自行车|单车|脚踏车|bicycle|bike
交通|运输|transport|transportation|traffic
旅游|观光|旅行|tourism|travel
景区|景点|scenic area|scenic spot|tourist attraction
酒店|宾馆|旅馆|饭店|hotel
民宿|homestay|guesthouse
客流|人流|visitor flow|footfall
海滩|沙滩|beach
天气|气象|weather|meteorology|meteorological
降雨|降水|雨量|rainfall|precipitation
台风|飓风|typhoon|hurricane
海洋|ocean|marine
潮汐|潮位|tide|tidal
空气质量|空气品质|air quality
水质|水环境质量|water quality
垃圾|废弃物|废物|waste|garbage
医院|医疗机构|hospital
医生|医师|doctor|physician
药品|药物|drug|medicine
疾病|病症|disease
学校|院校|school
教育|education
老人|老年人|长者|elderly|senior citizen
儿童|小孩|幼童|child|children
残疾人|残障|身心障碍者|disabled|disability
就业|工作岗位|employment|job
企业|公司|厂商|enterprise|company
人口|population
国内生产总值|地区生产总值|gdp|gross domestic product
统计|statistics|statistical
预算|budget
税收|税务|tax|taxation
房价|住房价格|housing price|house price
土地|地块|land
地图|map
图书馆|library
博物馆|museum
公园|park
厕所|公厕|洗手间|toilet|restroom
摄像头|监视器|摄影机|camera
应急|紧急|emergency
消防|火灾|fire
犯罪|crime
数据|资料|data
信息|资讯|information
网络|互联网|internet
软件|软体|software
基因组|genome|genomics
能源|energy
电力|electricity|electric power
碳排放|温室气体|carbon emission|greenhouse gas
"""


def upgrade() -> None:
    synonyms = op.create_table(
        "catalog_synonym",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("set_by", sa.String(length=80), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_synonym")),
    )
    op.create_table(
        "catalog_word",
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_catalog_word")),
    )
    with op.batch_alter_table("catalog_word", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalog_word_letters"), ["letters"], unique=False)
    op.create_table(
        "catalog_index_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_index_state")),
    )
    op.create_table(
        "catalog_change",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("stamp", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_catalog_change")),
    )
    with op.batch_alter_table("catalog_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_catalog_change_stamp"), ["stamp"], unique=False)
    began = datetime(2026, 11, 28, tzinfo=UTC)
    groups = [line.split("|") for line in GROUPS.split("\n") if line]
    op.bulk_insert(
        synonyms,
        [
            {"id": f"first-{number:02}", "words": words, "set_by": "system", "set_at": began}
            for number, words in enumerate(groups, 1)
        ],
    )


def downgrade() -> None:
    op.drop_table("catalog_change")
    op.drop_table("catalog_index_state")
    op.drop_table("catalog_word")
    op.drop_table("catalog_synonym")
