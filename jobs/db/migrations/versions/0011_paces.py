"""Schema 11: what engines took for a unit of work, by the schedule that takes half of it."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Jobs with their own number of iterations take as long as before but count as fifteen times the
    # work, and each frame of a clip as twice as much of its first one.
    op.execute(
        "UPDATE speeds SET seconds_per_work = seconds_per_work"
        " * CASE WHEN speed_class LIKE 'own/%' THEN 1.0 / 15 ELSE 0.5 END"
    )
    op.execute(
        "UPDATE speeds SET seconds_per_work = seconds_per_work * 0.5"
        " WHERE speed_class LIKE 'own/%/moving'"
    )
