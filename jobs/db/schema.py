"""The tables of this version; migrations bring a database here.

Times are seconds since 1970 (UTC) as floating point and JSON is text, so that both databases store
the same, and rows of other versions can be read at least as text. Partial indexes and PostgreSQL's
storage options are in the migrations only: defining them here would load PostgreSQL's dialect into
every process.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

Id = BigInteger().with_variant(Integer, "sqlite")
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _of_job(**options: Any) -> Column[int]:
    return Column("job_id", Id, ForeignKey("jobs.id", ondelete="CASCADE"), **options)


jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("interaction_id", BigInteger, nullable=False, unique=True),
    Column("state", String(10), nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("user_name", String(200), nullable=False),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("parent_job_id", BigInteger),
    Column("inputs", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("message_channel_id", BigInteger),
    Column("message_id", BigInteger, index=True),
    # When its message was deleted in Discord, or found missing.
    Column("message_removed_at", Double),
    # The application that answers; NULL for jobs of an earlier version.
    Column("application_id", BigInteger),
    # Cost and scheduling tags: see docs/queue.md.
    Column("speed_class", String(40), nullable=False),
    Column("work", Double, nullable=False),
    # The network that paints it; NULL if an earlier version left that to the engine.
    Column("network", String(40)),
    # Predicted seconds of VGG-19, if lite was chosen only because that is too long.
    Column("instead_of_seconds", Double),
    Column("predicted_seconds", Double, nullable=False),
    Column("flow", BigInteger, nullable=False),
    Column("band", Integer, nullable=False),
    Column("user_start", Double, nullable=False),
    Column("user_finish", Double, nullable=False),
    Column("start", Double, nullable=False),
    Column("finish", Double, nullable=False),
    # Reported by the engine.
    Column("progress", Text),
    Column("progress_at", Double),
    Column("preview_key", String(100)),
    Column("checkpoint_key", String(100)),
    Column("result_key", String(100)),
    Column("timelapse_key", String(100)),
    Column("report", Text),
    Column("failure", Text),
    Column("cancel_requested", Boolean, nullable=False),
    # The claim.
    Column("attempts", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("engine_id", String(100)),
    Column("lease_expires_at", Double),
    Column("claimed_at", Double),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("counted", Boolean, nullable=False),
    # How many pictures it counts as: one per version, or none if it was taken out of another job's
    # versions. Once it has failed or was cancelled: those that were begun.
    Column("pictures", Integer, server_default=text("1"), nullable=False),
    # Delivery.
    Column("revision", Integer, nullable=False),
    Column("shown_revision", Integer, nullable=False),
    Column("delivered_at", Double, index=True),
    Column("delivered_how", String(100)),
    Column("delivery_attempts", Integer, nullable=False),
    Column("pictures_deleted_at", Double),
    Column("erased_at", Double),
    # When the member was notified by a separate message.
    Column("notified_at", Double),
    # When a deletion becomes final; until then it can be undone.
    Column("delete_after", Double),
    # Who cancelled it, if not its member.
    Column("cancelled_by", BigInteger),
    # Until when the clearing that cancelled it can be undone.
    Column("back_until", Double),
    CheckConstraint(
        "state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="known_state"
    ),
    CheckConstraint(
        "(state = 'running') = (engine_id IS NOT NULL AND lease_expires_at IS NOT NULL)",
        name="running_has_lease",
    ),
    CheckConstraint(
        "(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name="ended_has_time"
    ),
    CheckConstraint(
        "state <> 'done' OR result_key IS NOT NULL OR pictures_deleted_at IS NOT NULL",
        name="done_has_result",
    ),
    CheckConstraint("state <> 'failed' OR failure IS NOT NULL", name="failed_has_reason"),
    CheckConstraint("delivered_at IS NULL OR ended_at IS NOT NULL", name="delivered_has_ended"),
    CheckConstraint("shown_revision <= revision", name="shown_is_past"),
    CheckConstraint("work > 0", name="work_positive"),
    # The state is repeated, since SQLite otherwise does not use it as a covering index.
    Index("ix_jobs_queue", "start", "id", "flow", "speed_class", "work", "network", "state"),
    Index("ix_jobs_flow_queue", "flow", "band", "user_start", "id", "start"),
    Index("ix_jobs_lease", "lease_expires_at"),
    Index("ix_jobs_undelivered", "id"),
    Index("ix_jobs_started", "start"),
    Index("ix_jobs_flow_started", "flow", "band", "user_start"),
    Index("ix_jobs_flow_user", "flow", "user_id", "user_finish"),
    Index("ix_jobs_flow_finish", "flow", "finish"),
    Index("ix_jobs_user_created", "user_id", "created_at"),
    Index("ix_jobs_guild_created", "guild_id", "created_at"),
    Index("ix_jobs_ended", "ended_at"),
    Index("ix_jobs_delete_after", "delete_after"),
    sqlite_autoincrement=True,
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    _of_job(nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("details", Text, nullable=False),
)

picture_uses = Table(
    "picture_uses",
    metadata,
    _of_job(primary_key=True),
    Column("role", String(20), primary_key=True),
    Column("key", String(100), nullable=False, index=True),
)

# Sizes of pictures in a bucket; see `jobs.picture_sizes`.
picture_sizes = Table(
    "picture_sizes",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
)

intakes = Table(
    "intakes",
    metadata,
    Column("interaction_id", BigInteger, primary_key=True, autoincrement=False),
    Column("payload", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("closed_at", Double),
    # Its user; NULL once it is closed.
    Column("user_id", BigInteger, index=True),
    # When the user had their data erased before it became a job.
    Column("erased_at", Double),
)

intake_uses = Table(
    "intake_uses",
    metadata,
    Column(
        "interaction_id",
        BigInteger,
        ForeignKey("intakes.interaction_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("key", String(100), primary_key=True, index=True),
)

engines = Table(
    "engines",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("host", String(200), nullable=False),
    Column("device", String(200), nullable=False),
    Column("network", String(40), nullable=False),
    Column("version", String(40), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    # What keeps it from painting, in English.
    Column("trouble", Text),
    # Abilities: see `jobs.model.EngineInfo`.
    Column("model", String(200)),
    Column("networks", String(200)),
    Column("memory_bytes", BigInteger),
    Column("memory_used_bytes", BigInteger),
    Column("largest_px", Integer),
    Column("pace", Double, index=True),
    Column("weights", String(200)),
)

bots = Table(
    "bots",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("application_id", BigInteger, nullable=False),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(40), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
    # Last heartbeat with a connection to Discord's gateway; NULL before the first.
    Column("gateway_seen", Double),
    Column("latency_seconds", Double),
)

installation = Table(
    "installation",
    metadata,
    # Facts about the database as a whole; see `jobs.management.installation`.
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

speeds = Table(
    "speeds",
    metadata,
    Column("engine_kind", String(450), primary_key=True),
    Column("speed_class", String(40), primary_key=True),
    Column("seconds_per_work", Double, nullable=False),
    Column("samples", Integer, nullable=False),
    Column("updated_at", Double, nullable=False),
)

guild_limits = Table(
    "guild_limits",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("changes", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("updated_by", BigInteger, nullable=False),
)

blocked_users = Table(
    "blocked_users",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("by_user", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("reason", String(200)),
    # When it expires.
    Column("until", Double),
)

pauses = Table(
    "pauses",
    metadata,
    # 0: all servers; Discord has no server 0.
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("by_user", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("action", String(60), nullable=False),
    Column("details", Text, nullable=False),
    Index("ix_audit_guild", "guild_id", "id"),
)

cleared_jobs = Table(
    "cleared_jobs",
    metadata,
    # What an undo needs and the cancelled row no longer contains.
    _of_job(primary_key=True, autoincrement=False),
    # The clearing's entry in `audit`.
    Column("clear_id", Id, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("user_finish", Double, nullable=False),
    Column("counted", Boolean, nullable=False),
)

defaults = Table(
    "defaults",
    metadata,
    # "user", "guild" or "channel".
    Column("scope", String(10), primary_key=True),
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("chosen", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
)

gallery_posts = Table(
    "gallery_posts",
    metadata,
    # Posts in servers' galleries.
    _of_job(primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, nullable=False),
    # NULL while it is being posted; with a minus sign while it is being removed.
    Column("message_id", BigInteger),
    Column("at", Double, nullable=False),
)

weekly_styles = Table(
    "weekly_styles",
    metadata,
    # Styles of the week, one per server.
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    # As in the preset option of `/paint`.
    Column("style", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    Column("by_user", BigInteger, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    # When its message was updated to say that it has ended.
    Column("ended_at", Double),
)

user_styles = Table(
    "user_styles",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("scope", String(5), nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("name", String(100), nullable=False),
    Column("name_key", String(200), nullable=False),
    Column("picture_key", String(100), nullable=False, index=True),
    Column("by_user", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    CheckConstraint("scope IN ('user', 'guild')", name="known_scope"),
    Index("ix_user_styles_owner", "scope", "owner_id", "name_key", unique=True),
)

PICTURE_KEYS = (picture_uses.c.key, user_styles.c.picture_key, intake_uses.c.key)
"""All columns that reference a picture: of a job, a saved style or an open intake. Pictures in none
of them are deleted, and not in a backup."""
