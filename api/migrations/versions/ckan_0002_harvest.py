"""Outside catalogues and foreign records"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ckan_0002"
down_revision = "ident_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "datasets_harvest_source",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("org_id", sa.String(length=80), nullable=False),
        sa.Column("form", sa.String(length=20), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("schedule", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("memory", sa.JSON(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.JSON(), nullable=False),
        sa.Column("approved", sa.JSON(), nullable=True),
        sa.Column("open_run", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_harvest_source")),
    )
    with op.batch_alter_table("datasets_harvest_source", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_harvest_source_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_datasets_harvest_source_org_id"), ["org_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_datasets_harvest_source_state"), ["state"], unique=False)

    op.create_table(
        "datasets_harvest_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("is_dry", sa.Boolean(), nullable=False),
        sa.Column("lets_go", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.JSON(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("said", sa.JSON(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["datasets_harvest_source.id"], name=op.f("fk_datasets_harvest_run_source_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets_harvest_run")),
    )
    with op.batch_alter_table("datasets_harvest_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_harvest_run_source_id"), ["source_id"], unique=False)

    op.create_table(
        "datasets_harvested",
        sa.Column("dataset_id", sa.String(length=80), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("identifier", sa.String(length=1000), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("is_gone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["datasets_harvest_source.id"], name=op.f("fk_datasets_harvested_source_id")
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_datasets_harvested")),
        sa.UniqueConstraint(
            "source_id", "key", "generation", name=op.f("uq_datasets_harvested_source_id_key_generation")
        ),
    )
    with op.batch_alter_table("datasets_harvested", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_harvested_source_id"), ["source_id"], unique=False)

    op.create_table(
        "datasets_harvest_item",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("identifier", sa.String(length=1000), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("dataset_id", sa.String(length=80), nullable=True),
        sa.Column("why", sa.JSON(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["datasets_harvest_run.id"], name=op.f("fk_datasets_harvest_item_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "place", name=op.f("pk_datasets_harvest_item")),
    )
    with op.batch_alter_table("datasets_harvest_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_harvest_item_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_datasets_harvest_item_result"), ["result"], unique=False)

    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("foreign_from", sa.String(length=2000), nullable=False, server_default="")
        )


def downgrade() -> None:
    with op.batch_alter_table("catalog_dataset", schema=None) as batch_op:
        batch_op.drop_column("foreign_from")

    with op.batch_alter_table("datasets_harvest_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_harvest_item_result"))
        batch_op.drop_index(batch_op.f("ix_datasets_harvest_item_key"))

    op.drop_table("datasets_harvest_item")
    with op.batch_alter_table("datasets_harvested", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_harvested_source_id"))

    op.drop_table("datasets_harvested")
    with op.batch_alter_table("datasets_harvest_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_harvest_run_source_id"))

    op.drop_table("datasets_harvest_run")
    with op.batch_alter_table("datasets_harvest_source", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_datasets_harvest_source_state"))
        batch_op.drop_index(batch_op.f("ix_datasets_harvest_source_org_id"))
        batch_op.drop_index(batch_op.f("ix_datasets_harvest_source_due_at"))

    op.drop_table("datasets_harvest_source")
