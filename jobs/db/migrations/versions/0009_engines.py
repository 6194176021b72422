"""Schema 9: the network of each job, and what each engine can do."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_QUEUED = sa.text("state = 'queued'")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("network", sa.String(40), nullable=True))
    op.drop_index("ix_jobs_queue", table_name="jobs")
    op.create_index(
        "ix_jobs_queue",
        "jobs",
        ["start", "id", "flow", "speed_class", "work", "network", "state"],
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    for column in (
        sa.Column("model", sa.String(200), nullable=True),
        sa.Column("networks", sa.String(200), nullable=True),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("memory_used_bytes", sa.BigInteger(), nullable=True),
        sa.Column("largest_px", sa.Integer(), nullable=True),
        sa.Column("pace", sa.Double(), nullable=True),
    ):
        op.add_column("engines", column)
    op.create_index("ix_engines_pace", "engines", ["pace"])
