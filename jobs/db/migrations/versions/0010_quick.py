"""Schema 10: what the large network would have taken, where the small one paints instead."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("instead_of_seconds", sa.Double(), nullable=True))
