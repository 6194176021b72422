"""The table of limits: each stands in one row, which all who set, show or check it read.

A new limit is a field of `Limits`, which is its row; a check in `jobs.entering.admission` if it
can refuse; and, if it is to be set by one, an option of `/limits set`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from common.options import MAX_SIZE_PX, MIN_SIZE_PX, QUALITIES, Quality
from common.sentences import Sentence, sentence


class LimitKind(StrEnum):
    """What the value of a limit is."""

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
        """Whether it names roles or channels of a server, which the operator cannot."""
        return self in {LimitKind.ROLES, LimitKind.CHANNELS, LimitKind.CHANNEL}


@dataclass(frozen=True, slots=True)
class Limit:
    """What is known of a limit besides its value and its name."""

    kind: LimitKind
    label: Sentence
    stricter: Literal["lower", "higher"] | None
    """Which way a server's admins may go from the operator's value; None: any."""
    least: int | None
    most: int | None
    """The most that can be asked for by an option; for a size, the most that it can be."""
    default: Any
    """The operator's, and for what the operator has not: of all servers."""
    setting: str | None
    """What the operator's setting `atelier_<name>` limits; None: the operator has none."""
    nothing: Sentence
    """What is said for no role or channel."""

    @property
    def value_type(self) -> Any:
        """The type of its values, with their bounds, for pydantic."""
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
        """A value that it can have.

        Raises:
            ValidationError: when it cannot.
        """
        return TypeAdapter(self.value_type).validate_python(value)

    def is_looser(self, value: Any, than: Any) -> bool:
        """Whether a value allows more than another one."""
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
    """A field; what names roles or channels has no bounds, nor a stricter side."""
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
    """The limits in force in one server, or in private for the operator's own."""

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
        sentence("Largest size of what moves"),
        512,
        "longest side of a moving picture, in pixels.",
    )
    max_clip_seconds: int = _row(
        LimitKind.SECONDS,
        sentence("Longest time of what moves"),
        6,
        "seconds of an animation or video that are painted.",
        most=60,
    )
    max_clip_frames_per_second: int = _row(
        LimitKind.COUNT,
        sentence("Frames a second of what moves"),
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
        sentence("Days that pictures are kept"),
        30,
        "days that pictures are kept.",
        most=3650,
    )
    painter_role_ids: tuple[int, ...] = _row(
        LimitKind.ROLES, sentence("Roles that may paint"), (), nothing=sentence("everybody")
    )
    exempt_role_ids: tuple[int, ...] = _row(
        LimitKind.ROLES, sentence("Roles that are free of the server's limits"), ()
    )
    priority_role_ids: tuple[int, ...] = _row(
        LimitKind.ROLES, sentence("Roles that are painted first"), ()
    )
    channel_ids: tuple[int, ...] = _row(
        LimitKind.CHANNELS, sentence("Channels in which to paint"), (), nothing=sentence("all")
    )
    log_channel_id: int | None = _row(
        LimitKind.CHANNEL, sentence("Channel that tells of changes"), None, nothing=_NO_CHANNEL
    )
    gallery_channel_id: int | None = _row(
        LimitKind.CHANNEL, sentence("Channel of the gallery"), None, nothing=_NO_CHANNEL
    )


LIMITS: Mapping[str, Limit] = {row.name: row.metadata["limit"] for row in fields(Limits)}
"""The rows by their names, in the order in which they are shown."""
