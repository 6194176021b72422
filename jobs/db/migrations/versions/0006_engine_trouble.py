"""Schema 6: what keeps an engine from painting."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("engines", sa.Column("trouble", sa.Text(), nullable=True))
