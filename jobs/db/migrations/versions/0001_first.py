"""Schema 1: jobs, their history, limits, engines, styles of one's own."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_guild", "audit", ["guild_id", "id"], unique=False)
    op.create_table(
        "blocked_users",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("by_user", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_blocked_users")),
    )
    op.create_table(
        "engines",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("network", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engines")),
    )
    op.create_table(
        "guild_limits",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("updated_by", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_guild_limits")),
    )
    op.create_table(
        "intakes",
        sa.Column("interaction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("interaction_id", name=op.f("pk_intakes")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("interaction_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("user_name", sa.String(length=200), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_job_id", sa.BigInteger(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("message_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("speed_class", sa.String(length=40), nullable=False),
        sa.Column("work", sa.Double(), nullable=False),
        sa.Column("predicted_seconds", sa.Double(), nullable=False),
        sa.Column("flow", sa.BigInteger(), nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("user_start", sa.Double(), nullable=False),
        sa.Column("user_finish", sa.Double(), nullable=False),
        sa.Column("start", sa.Double(), nullable=False),
        sa.Column("finish", sa.Double(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("progress_at", sa.Double(), nullable=True),
        sa.Column("preview_key", sa.String(length=100), nullable=True),
        sa.Column("checkpoint_key", sa.String(length=100), nullable=True),
        sa.Column("result_key", sa.String(length=100), nullable=True),
        sa.Column("timelapse_key", sa.String(length=100), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("engine_id", sa.String(length=100), nullable=True),
        sa.Column("lease_expires_at", sa.Double(), nullable=True),
        sa.Column("claimed_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("shown_revision", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.Double(), nullable=True),
        sa.Column("delivered_how", sa.String(length=100), nullable=True),
        sa.Column("delivery_attempts", sa.Integer(), nullable=False),
        sa.Column("pictures_deleted_at", sa.Double(), nullable=True),
        sa.Column("erased_at", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "(state = 'running') = (engine_id IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name=op.f("ck_jobs_running_has_lease"),
        ),
        sa.CheckConstraint(
            "(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)",
            name=op.f("ck_jobs_ended_has_time"),
        ),
        sa.CheckConstraint(
            "state <> 'done' OR result_key IS NOT NULL OR pictures_deleted_at IS NOT NULL",
            name=op.f("ck_jobs_done_has_result"),
        ),
        sa.CheckConstraint(
            "state <> 'failed' OR failure IS NOT NULL", name=op.f("ck_jobs_failed_has_reason")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name=op.f("ck_jobs_known_state"),
        ),
        sa.CheckConstraint(
            "delivered_at IS NULL OR ended_at IS NOT NULL", name=op.f("ck_jobs_delivered_has_ended")
        ),
        sa.CheckConstraint("shown_revision <= revision", name=op.f("ck_jobs_shown_is_past")),
        sa.CheckConstraint("work > 0", name=op.f("ck_jobs_work_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("interaction_id", name=op.f("uq_jobs_interaction_id")),
        postgresql_with={"fillfactor": 60},
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_ended", "jobs", ["ended_at"], unique=False)
    op.create_index("ix_jobs_flow_finish", "jobs", ["flow", "finish"], unique=False)
    op.create_index(
        "ix_jobs_flow_queue",
        "jobs",
        ["flow", "band", "user_start", "id", "start"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_jobs_flow_started",
        "jobs",
        ["flow", "band", "user_start"],
        unique=False,
        sqlite_where=sa.text("started_at IS NOT NULL"),
        postgresql_where=sa.text("started_at IS NOT NULL"),
    )
    op.create_index("ix_jobs_flow_user", "jobs", ["flow", "user_id", "user_finish"], unique=False)
    op.create_index("ix_jobs_guild_created", "jobs", ["guild_id", "created_at"], unique=False)
    op.create_index(
        "ix_jobs_lease",
        "jobs",
        ["lease_expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_jobs_queue",
        "jobs",
        ["start", "id", "flow", "speed_class", "work", "state"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_jobs_started",
        "jobs",
        ["start"],
        unique=False,
        sqlite_where=sa.text("started_at IS NOT NULL"),
        postgresql_where=sa.text("started_at IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_undelivered",
        "jobs",
        ["id"],
        unique=False,
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_index("ix_jobs_user_created", "jobs", ["user_id", "created_at"], unique=False)
    op.create_table(
        "pauses",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("by_user", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_pauses")),
    )
    op.create_table(
        "speeds",
        sa.Column("engine_kind", sa.String(length=450), nullable=False),
        sa.Column("speed_class", sa.String(length=40), nullable=False),
        sa.Column("seconds_per_work", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("engine_kind", "speed_class", name=op.f("pk_speeds")),
    )
    op.create_table(
        "user_styles",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("scope", sa.String(length=5), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.Column("picture_key", sa.String(length=100), nullable=False),
        sa.Column("by_user", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.CheckConstraint("scope IN ('user', 'guild')", name=op.f("ck_user_styles_known_scope")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_styles")),
    )
    op.create_index(
        "ix_user_styles_owner", "user_styles", ["scope", "owner_id", "name_key"], unique=True
    )
    op.create_index(
        op.f("ix_user_styles_picture_key"), "user_styles", ["picture_key"], unique=False
    )
    op.create_table(
        "events",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("job_id", Id, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_events_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_job_id"), "events", ["job_id"], unique=False)
    op.create_table(
        "picture_uses",
        sa.Column("job_id", Id, nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_picture_uses_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "role", name=op.f("pk_picture_uses")),
    )
    op.create_index(op.f("ix_picture_uses_key"), "picture_uses", ["key"], unique=False)

    _guard_transitions()


def _guard_transitions() -> None:
    """Add triggers that refuse invalid state transitions."""
    allowed = (
        "(OLD.state = 'queued' AND NEW.state IN ('running', 'cancelled', 'failed')) "
        "OR (OLD.state = 'running' AND NEW.state IN ('queued', 'done', 'failed', 'cancelled')) "
        "OR (OLD.state IN ('failed', 'cancelled') AND NEW.state = 'queued')"
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER jobs_transitions BEFORE UPDATE OF state ON jobs "
            f"WHEN OLD.state <> NEW.state AND NOT ({allowed}) "
            "BEGIN SELECT RAISE(ABORT, 'a job cannot change its state like this'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION jobs_transitions() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'a job cannot change from % to %', OLD.state, NEW.state "
        "USING ERRCODE = 'check_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER jobs_transitions BEFORE UPDATE OF state ON jobs FOR EACH ROW "
        f"WHEN (OLD.state <> NEW.state AND NOT ({allowed})) "
        "EXECUTE FUNCTION jobs_transitions()"
    )
