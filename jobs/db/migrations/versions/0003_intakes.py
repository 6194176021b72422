"""Schema 3: whose an intake is, which pictures it needs, and whether it was erased."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("intakes", sa.Column("user_id", sa.BigInteger()))
    op.add_column("intakes", sa.Column("erased_at", sa.Double()))
    op.create_index(op.f("ix_intakes_user_id"), "intakes", ["user_id"], unique=False)
    op.create_table(
        "intake_uses",
        sa.Column("interaction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(
            ["interaction_id"],
            ["intakes.interaction_id"],
            name=op.f("fk_intake_uses_interaction_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("interaction_id", "key", name=op.f("pk_intake_uses")),
    )
    op.create_index(op.f("ix_intake_uses_key"), "intake_uses", ["key"], unique=False)
    _name_the_senders()


def _name_the_senders() -> None:
    """Fill in the users of open intakes from their payloads."""
    connection = op.get_bind()
    intakes = sa.table(
        "intakes",
        sa.column("interaction_id", sa.BigInteger()),
        sa.column("payload", sa.Text()),
        sa.column("closed_at", sa.Double()),
        sa.column("user_id", sa.BigInteger()),
    )
    is_open = intakes.c.closed_at.is_(None)
    for row in connection.execute(sa.select(intakes).where(is_open)).all():
        try:
            user_id = int(json.loads(row.payload)["sender"]["user_id"])
        except (ValueError, KeyError, TypeError):
            continue
        this = intakes.c.interaction_id == row.interaction_id
        connection.execute(sa.update(intakes).where(this).values(user_id=user_id))
