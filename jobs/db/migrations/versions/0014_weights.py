"""Schema 14: which weights engines have loaded."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("engines", sa.Column("weights", sa.String(200), nullable=True))
