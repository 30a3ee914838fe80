"""Terms of a line: where it is stricter than the policy profile"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "w19_grants_0001"
down_revision = "w17_proof_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("auth_application_line") as table:
        table.add_column(sa.Column("safeguards", sa.String(), server_default="{}", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("auth_application_line") as table:
        table.drop_column("safeguards")
