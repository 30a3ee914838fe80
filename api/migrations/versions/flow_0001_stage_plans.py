"""Stage plans, proposals of several approvers"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "flow_0001"
down_revision = "clock_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "auth_application_stage",
        sa.Column("application_id", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=160), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("department_id", sa.String(), nullable=True),
        sa.Column("line_ids", sa.String(), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.Column("distinct_departments", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["auth_application.id"], name=op.f("fk_auth_application_stage_application_id")
        ),
        sa.PrimaryKeyConstraint("application_id", "turn", "stage", name=op.f("pk_auth_application_stage")),
    )
    with op.batch_alter_table("auth_application") as batch_op:
        batch_op.add_column(sa.Column("proposal", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("auth_application") as batch_op:
        batch_op.alter_column("proposal", server_default=None)
    _fix_plans_under_way()


def _fix_plans_under_way() -> None:
    """Applications submitted before keep the plan they were submitted under: one vote per stage, one approver."""
    link = op.get_bind()
    lines: dict[tuple[str, int], list[tuple[str, str, bool]]] = {}
    for application, turn, line, department, secure in link.execute(
        sa.text(
            "SELECT a.id, a.turn, l.id, l.department_id, l.needs_security_review FROM auth_application a"
            " JOIN auth_application_line l ON l.application_id = a.id WHERE a.turn > 0 ORDER BY a.id, l.position"
        )
    ):
        lines.setdefault((application, turn), []).append((line, department, bool(secure)))
    stages = sa.table(
        "auth_application_stage",
        *(
            sa.column(name)
            for name in (
                "application_id", "turn", "stage", "position", "role", "department_id", "line_ids", "quorum",
                "distinct_departments",
            )
        ),
    )  # fmt: skip
    for (application, turn), held in lines.items():
        plan: list[tuple[str, str, str | None, list[str]]] = [
            (f"business:{d}", "reviewer_business", d, [line for line, of, _ in held if of == d])
            for d in dict.fromkeys(department for _, department, _ in held)
        ]
        if secret := [line for line, _, secure in held if secure]:
            plan.append(("security", "reviewer_security", None, secret))
        plan.append(("decision", "approver", None, [line for line, _, _ in held]))
        for position, (stage, role, department, ids) in enumerate(plan):
            link.execute(
                stages.insert().values(
                    application_id=application, turn=turn, stage=stage, position=position, role=role,
                    department_id=department, line_ids=json.dumps(ids), quorum=1, distinct_departments=False,
                )
            )  # fmt: skip


def downgrade() -> None:
    with op.batch_alter_table("auth_application") as batch_op:
        batch_op.drop_column("proposal")
    op.drop_table("auth_application_stage")
