"""Schema 15: the work of jobs, with what each picture costs whatever its size."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_QUALITIES = {"draft": 0.4, "standard": 1.0, "fine": 2.5}


def upgrade() -> None:
    # What an engine took has not changed, so speeds fall as the work in a job of that class grows.
    connection = op.get_bind()
    change = sa.text(
        "UPDATE speeds SET seconds_per_work = seconds_per_work * :share"
        " WHERE speed_class = :speed_class"
    )
    for (name,) in connection.execute(sa.text("SELECT DISTINCT speed_class FROM speeds")).all():
        connection.execute(change, {"share": _share(name), "speed_class": name})
    # Nearly right, for the few that wait during an upgrade.
    op.execute("UPDATE jobs SET work = work + 0.08 * pictures WHERE state IN ('queued', 'running')")


def _share(speed_class: str) -> float:
    """The work of a job of this class as it was counted, as a share of what is counted now."""
    quality, half_octave = speed_class.split("/")[:2]
    megapixels = 2.0 ** int(half_octave) * 0.75 / 1e6
    if quality not in _QUALITIES:  # a job's own number of iterations, which is not in the class
        return megapixels / (megapixels + 0.015)
    factor = _QUALITIES[quality]
    return factor * megapixels / (factor * (megapixels + 0.06) + 0.02)
