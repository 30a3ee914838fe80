"""Private answers and their budgets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "query_0002"
down_revision = "push_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_query_cap",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("dataset_micro", sa.BigInteger(), nullable=False),
        sa.Column("org_micro", sa.BigInteger(), nullable=False),
        sa.Column("grant_micro", sa.BigInteger(), nullable=False),
        sa.Column("user_micro", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_name", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_query_cap")),
        sa.UniqueConstraint("dataset_id", "version", name=op.f("uq_datasets_query_cap_dataset_id_version")),
    )
    with op.batch_alter_table("datasets_query_cap", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_query_cap_dataset_id"), ["dataset_id"], unique=False)
    op.create_table(
        "datasets_query_budget",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("spent_micro", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("spent_micro >= 0", name=op.f("ck_datasets_query_budget_spent_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_query_budget")),
        sa.UniqueConstraint(
            "dataset_id", "period", "kind", "holder", name=op.f("uq_datasets_query_budget_dataset_id_period_kind_holder")
        ),
    )  # fmt: skip
    op.create_table(
        "datasets_query_spend",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("answer_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("epsilon_micro", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["datasets_query_answer.id"], name=op.f("fk_datasets_query_spend_answer_id_datasets_query_answer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_query_spend")),
        sa.UniqueConstraint("answer_id", name=op.f("uq_datasets_query_spend_answer_id")),
    )  # fmt: skip
    with op.batch_alter_table("datasets_query_spend", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_query_spend_dataset_id"), ["dataset_id"], unique=False)
    with op.batch_alter_table("datasets_query_terms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("bounds", sa.String(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("per_contributor", sa.Integer(), nullable=True))
    with op.batch_alter_table("datasets_query_answer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("epsilon_micro", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("datasets_query_answer", schema=None) as batch_op:
        batch_op.drop_column("epsilon_micro")
    with op.batch_alter_table("datasets_query_terms", schema=None) as batch_op:
        batch_op.drop_column("per_contributor")
        batch_op.drop_column("bounds")
    op.drop_table("datasets_query_spend")
    op.drop_table("datasets_query_budget")
    op.drop_table("datasets_query_cap")
