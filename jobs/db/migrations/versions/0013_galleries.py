"""Schema 13: a picture may be posted in the galleries of several servers."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite cannot change a table's primary key.
    connection = op.get_bind()
    known = connection.execute(sa.text("SELECT * FROM gallery_posts")).mappings().all()
    op.drop_table("gallery_posts")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    posts = op.create_table(
        "gallery_posts",
        sa.Column("job_id", number, autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_gallery_posts_job_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "guild_id", name=op.f("pk_gallery_posts")),
    )
    op.bulk_insert(posts, [dict(row) for row in known])
