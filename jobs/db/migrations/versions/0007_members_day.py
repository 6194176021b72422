"""Schema 7: versions of a picture, telling of it, taking a deletion back, and own defaults."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("pictures", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    op.add_column("jobs", sa.Column("notified_at", sa.Double(), nullable=True))
    op.add_column("jobs", sa.Column("delete_after", sa.Double(), nullable=True))
    op.create_index(
        "ix_jobs_delete_after",
        "jobs",
        ["delete_after"],
        sqlite_where=sa.text("delete_after IS NOT NULL"),
        postgresql_where=sa.text("delete_after IS NOT NULL"),
    )
    op.create_table(
        "defaults",
        sa.Column("scope", sa.String(10), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "owner_id", name=op.f("pk_defaults")),
    )
