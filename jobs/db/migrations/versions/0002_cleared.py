"""Schema 2: which jobs an admin's clearing cancelled, so that it can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cleared_jobs",
        sa.Column("job_id", Id, autoincrement=False, nullable=False),
        sa.Column("clear_id", Id, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("user_finish", sa.Double(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_cleared_jobs_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_cleared_jobs")),
    )
    op.create_index(op.f("ix_cleared_jobs_clear_id"), "cleared_jobs", ["clear_id"], unique=False)
