"""Portals that our public records are pushed to"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "push_0001"
down_revision = "reqs_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_push_target",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("org_id", sa.String(length=80), nullable=False),
        sa.Column("url", sa.String(length=1500), nullable=False),
        sa.Column("portal_org", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("reach", sa.String(length=20), nullable=False),
        sa.Column("only_open", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("schedule", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.JSON(), nullable=False),
        sa.Column("approved", sa.JSON(), nullable=True),
        sa.Column("open_run", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_push_target")),
    )
    with op.batch_alter_table("datasets_push_target", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_push_target_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_datasets_push_target_org_id"), ["org_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_datasets_push_target_state"), ["state"], unique=False)

    op.create_table(
        "datasets_push_item",
        sa.Column("target_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("portal_id", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("echo", sa.JSON(), nullable=False),
        sa.Column("drift", sa.JSON(), nullable=True),
        sa.Column("is_gone", sa.Boolean(), nullable=False),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["target_id"], ["datasets_push_target.id"], name=op.f("fk_datasets_push_item_target_id")
        ),
        sa.PrimaryKeyConstraint("target_id", "dataset_id", name=op.f("pk_datasets_push_item")),
    )
    with op.batch_alter_table("datasets_push_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_push_item_dataset_id"), ["dataset_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_datasets_push_item_is_gone"), ["is_gone"], unique=False)

    op.create_table(
        "datasets_push_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("target_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("is_dry", sa.Boolean(), nullable=False),
        sa.Column("overwrites", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("asked_by", sa.JSON(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("said", sa.JSON(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["target_id"], ["datasets_push_target.id"], name=op.f("fk_datasets_push_run_target_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_push_run")),
    )
    with op.batch_alter_table("datasets_push_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_push_run_target_id"), ["target_id"], unique=False)

    op.create_table(
        "datasets_push_result",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("why", sa.JSON(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=True),
        sa.Column("drift", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["datasets_push_run.id"], name=op.f("fk_datasets_push_result_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "dataset_id", name=op.f("pk_datasets_push_result")),
    )
    with op.batch_alter_table("datasets_push_result", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_push_result_result"), ["result"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("datasets_push_result", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_push_result_result"))

    op.drop_table("datasets_push_result")
    with op.batch_alter_table("datasets_push_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_push_run_target_id"))

    op.drop_table("datasets_push_run")
    with op.batch_alter_table("datasets_push_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_push_item_is_gone"))
        batch_op.drop_index(batch_op.f("ix_datasets_push_item_dataset_id"))

    op.drop_table("datasets_push_item")
    with op.batch_alter_table("datasets_push_target", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_push_target_state"))
        batch_op.drop_index(batch_op.f("ix_datasets_push_target_org_id"))
        batch_op.drop_index(batch_op.f("ix_datasets_push_target_due_at"))

    op.drop_table("datasets_push_target")
