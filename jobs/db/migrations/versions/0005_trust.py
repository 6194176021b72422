"""Schema 5: whose bot a job is, which messages were taken away, and what the installation is."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("application_id", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("message_removed_at", sa.Double(), nullable=True))
    op.create_index(op.f("ix_jobs_message_id"), "jobs", ["message_id"], unique=False)
    op.create_index(op.f("ix_jobs_delivered_at"), "jobs", ["delivered_at"], unique=False)
    op.create_table(
        "installation",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    _name_applications()


def _name_applications() -> None:
    """Fill in the application of undelivered jobs; others do not need it."""
    jobs = sa.table(
        "jobs",
        sa.column("id", sa.BigInteger()),
        sa.column("target", sa.Text()),
        sa.column("application_id", sa.BigInteger()),
        sa.column("delivered_at", sa.Double()),
    )
    connection = op.get_bind()
    undelivered = sa.select(jobs.c.id, jobs.c.target).where(jobs.c.delivered_at.is_(None))
    for row in connection.execute(undelivered).all():
        try:
            application_id = json.loads(row.target)["application_id"]
        except (ValueError, KeyError, TypeError):
            continue  # unreadable; its member is told so
        if isinstance(application_id, int) and application_id:
            update = sa.update(jobs).where(jobs.c.id == row.id)
            connection.execute(update.values(application_id=application_id))
