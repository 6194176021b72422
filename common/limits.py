"""The table of limits: one row each, for everything that sets, shows or checks them.

A new limit is a field of `Limits`, which is its row; a check in `jobs.submission.admission` if it
can refuse; and an option of `/limits set` if it can be set on its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from common.options import MAX_SIZE_PX, MIN_SIZE_PX, QUALITIES, Quality
from common.sentences import Sentence, sentence


class LimitKind(StrEnum):
    """The type of a limit's value."""

    SIZE = "size"
    QUALITY = "quality"
    COUNT = "count"
    SECONDS = "seconds"
    DAYS = "days"
    ROLES = "roles"
    CHANNELS = "channels"
    CHANNEL = "channel"

    @property
    def holds_ids(self) -> bool:
        """Whether its value is a list of roles or channels, which the operator cannot set."""
        return self in {LimitKind.ROLES, LimitKind.CHANNELS, LimitKind.CHANNEL}

    @property
    def bounds_painting(self) -> bool:
        """Whether it bounds what a member paints; those with an exempt role are free of it."""
        return not self.holds_ids and self is not LimitKind.DAYS


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit's row, without its name and value."""

    kind: LimitKind
    label: Sentence
    stricter: Literal["lower", "higher"] | None
    """The direction in which a server's admins may change the operator's value; None: any."""
    least: int | None
    most: int | None
    """The largest value that an option accepts; for a size, also its upper bound."""
    default: Any
    """Default of the operator's value; without one, of every server."""
    setting: str | None
    """Help of the operator's setting `atelier_<name>`; None if there is none."""
    nothing: Sentence
    """Text shown for an empty list of roles or channels."""

    @property
    def value_type(self) -> Any:
        """The type of its values with their bounds, for pydantic."""
        match self.kind:
            case LimitKind.QUALITY:
                return Quality
            case LimitKind.ROLES | LimitKind.CHANNELS:
                return tuple[int, ...]
            case LimitKind.CHANNEL:
                return int
            case LimitKind.SIZE:
                return Annotated[int, Field(ge=self.least, le=self.most)]
            case _:
                return Annotated[int, Field(ge=self.least)]

    def checked(self, value: object) -> Any:
        """The validated value.

        Raises:
            ValidationError: if it is invalid.
        """
        return TypeAdapter(self.value_type).validate_python(value)

    def is_looser(self, value: Any, than: Any) -> bool:
        """Whether a value allows more than another."""
        if self.kind is LimitKind.QUALITY:
            value, than = QUALITIES.index(value), QUALITIES.index(than)
        match self.stricter:
            case "lower":
                return bool(value > than)
            case "higher":
                return bool(value < than)
        return False


_NO_CHANNEL = sentence("no channel")


def _row(
    kind: LimitKind,
    label: Sentence,
    default: Any,
    setting: str | None = None,
    *,
    stricter: Literal["lower", "higher"] = "lower",
    least: int = 1,
    most: int | None = None,
    nothing: Sentence = sentence("none"),  # noqa: B008 - it is frozen
) -> Any:
    """A dataclass field; lists of roles or channels have no bounds and no stricter direction."""
    number = kind if not kind.holds_ids and kind is not LimitKind.QUALITY else None
    least, most = (MIN_SIZE_PX, MAX_SIZE_PX) if kind is LimitKind.SIZE else (least, most)
    limit = Limit(
        kind,
        label,
        None if kind.holds_ids else stricter,
        least if number else None,
        most,
        default,
        setting,
        nothing,
    )
    return field(default=default, metadata={"limit": limit})


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits in force in one server, or the operator's own."""

    max_size_px: int = _row(
        LimitKind.SIZE, sentence("Largest size"), 2048, "longest side of a picture, in pixels."
    )
    max_quality: Quality = _row(  # noqa: RUF009 - it makes a field
        LimitKind.QUALITY,
        sentence("Best quality"),
        "fine",
        "the best quality a member may ask for.",
    )
    max_clip_size_px: int = _row(
        LimitKind.SIZE,
        sentence("Largest size of moving pictures"),
        512,
        "longest side of a moving picture, in pixels.",
    )
    max_clip_seconds: int = _row(
        LimitKind.SECONDS,
        sentence("Longest duration of moving pictures"),
        6,
        "seconds of an animation or video that are painted.",
        most=60,
    )
    max_clip_frames_per_second: int = _row(
        LimitKind.COUNT,
        sentence("Frames per second of moving pictures"),
        12,
        "frames per second of an animation or video that are painted.",
        most=60,
    )
    max_waiting_per_user: int = _row(
        LimitKind.COUNT,
        sentence("Waiting pictures of one member"),
        3,
        "pictures a member may have waiting or running.",
        most=1000,
    )
    max_waiting_per_server: int = _row(
        LimitKind.COUNT,
        sentence("Waiting pictures of the server"),
        200,
        "pictures a server may have waiting or running.",
        most=100_000,
    )
    max_per_day: int = _row(
        LimitKind.COUNT,
        sentence("Pictures of one member in 24 hours"),
        50,
        "pictures a member may start in 24 hours.",
        most=10_000,
    )
    cooldown_seconds: int = _row(
        LimitKind.SECONDS,
        sentence("Pause between two pictures of one member"),
        0,
        "seconds between two jobs of one member.",
        stricter="higher",
        least=0,
        most=86_400,
    )
    retention_days: int = _row(
        LimitKind.DAYS,
        sentence("Days pictures are kept"),
        30,
        "days that pictures are kept.",
        most=3650,
    )
    painter_role_ids: tuple[int, ...] = _row(
        LimitKind.ROLES, sentence("Roles that may paint"), (), nothing=sentence("everybody")
    )
    exempt_role_ids: tuple[int, ...] = _row(
        LimitKind.ROLES, sentence("Roles exempt from the server's limits"), ()
    )
    priority_role_ids: tuple[int, ...] = _row(
        LimitKind.ROLES, sentence("Roles whose pictures are painted first"), ()
    )
    channel_ids: tuple[int, ...] = _row(
        LimitKind.CHANNELS, sentence("Channels in which to paint"), (), nothing=sentence("all")
    )
    log_channel_id: int | None = _row(
        LimitKind.CHANNEL, sentence("Channel where changes are reported"), None, nothing=_NO_CHANNEL
    )
    gallery_channel_id: int | None = _row(
        LimitKind.CHANNEL, sentence("Gallery channel"), None, nothing=_NO_CHANNEL
    )


LIMITS: Mapping[str, Limit] = {row.name: row.metadata["limit"] for row in fields(Limits)}
"""The rows by name, in the order in which they are shown."""
