"""A request for a painting: stored as JSON in the intake until there is a job."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import zip_longest
from typing import Any, Self

import discord
from pydantic import BaseModel, ConfigDict, model_validator

from bot.kit import Interaction
from bot.texts import locale_of
from bot.ui.people import has_only_commands, is_admin, is_bot_here, role_ids
from common.defaults import Notify
from common.options import ClipInput, PaintInputs, PaintOptions, StyleInput
from common.sentences import Sentence
from jobs.model import Asker, Reply
from jobs.privacy.retention import TOKEN_SECONDS

TOKEN_LIFE = timedelta(seconds=TOKEN_SECONDS)


class PictureRole(StrEnum):
    """Which input of the painting a picture is."""

    CONTENT = "content"
    STYLE = "style"
    SECOND_STYLE = "style2"
    MASK = "mask"


class MovingPhoto(BaseModel):
    """The clip of a photograph, stored beside its first frame until one of them is chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip: ClipInput
    size_px: int
    """Its longest side, at which it is painted unless the member chose a size."""
    notes: tuple[Sentence, ...] = ()
    """What the limits cut off it."""
    notes_of_still: tuple[Sentence, ...] = ()
    """What to tell the member if only its first frame is painted."""


class Source(BaseModel):
    """A picture of a request: to be downloaded (`url`), or stored already (`key`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    key: str | None = None
    size_bytes: int | None = None
    aspect: float | None = None
    """Of a stored one, where known: its shorter side divided by its longer."""
    alt_text: str = ""
    """What whoever posted it says is to be seen; empty if they said nothing."""
    moving: MovingPhoto | None = None
    """Of a stored one that moves: its clip."""

    @classmethod
    def attachment(cls, attachment: discord.Attachment) -> "Source":
        """An attachment. Its signed URL expires, so download it at once."""
        said = attachment.description or ""
        return cls(url=attachment.url, size_bytes=attachment.size, alt_text=said)


class RequestedStyle(BaseModel):
    """A style of a request: a picture, or the name of a painting or saved style."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: Source | None = None
    preset: str | None = None
    name: str | None = None
    """The name of the saved style that the picture is from."""
    weight: float = 1.0

    @classmethod
    def again(cls, style: StyleInput) -> Self:
        """A style of an earlier job."""
        picture = Source(key=style.picture) if style.picture else None
        return cls(picture=picture, preset=style.preset, name=style.name, weight=style.weight)


class PaintRequest(BaseModel):
    """Everything needed to create the job, now or after a restart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asker: Asker
    reply: Reply
    content: Source | None = None
    styles: tuple[RequestedStyle, ...] = ()
    inputs: PaintInputs | None = None  # set for a remix that keeps all inputs of its parent
    more: tuple[Source, ...] = ()
    """Further photographs; each becomes one picture of the same job."""
    mask: Source | None = None
    options: PaintOptions
    named: tuple[str, ...] = ()
    """Options that the member chose; the others may still be changed to suit the style."""
    left_open: tuple[str, ...] = ()
    """Options with a limit that the member did not choose; see `Submission`."""
    ephemeral: bool = False
    """Without a style: whether the picture itself, unlike the question, is to be ephemeral."""
    parent_job_id: int | None = None
    asked: bool = False
    """Whether the member has answered the question in its response, which stays if painting
    fails."""
    version: int | None = None
    """The parent's version to make a job of its own, from 0; nothing is painted for it."""
    refusal: str = ""
    """Why it is not painted, for its member; noted before they are told, so that a restart between
    the two does not paint it."""

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_version(cls, data: Any) -> Any:
        """Read the format until 0.1, which kept asker and reply together as `sender`."""
        if not isinstance(data, dict) or "sender" not in data:
            return data
        kept = {name: value for name, value in data.items() if name in cls.model_fields}
        sender = {**data, **data["sender"]}
        asker, reply = (
            {name: sender[name] for name in kind.__slots__ if name in sender}
            for kind in (Asker, Reply)
        )
        return {**kept, "asker": asker, "reply": reply}

    @property
    def lacks_style(self) -> bool:
        """Whether the member has yet to choose a style."""
        return self.inputs is None and not self.styles

    @property
    def may_move(self) -> bool:
        """Whether a clip could be painted; several versions are always stills."""
        return self.options.moving is not False and self.options.variants == 1 and not self.more

    def with_options(self, **changes: Any) -> Self:
        """A copy with some options changed."""
        return self.model_copy(update={"options": self.options.model_copy(update=changes)})

    def with_reply(self, **changes: Any) -> Self:
        """A copy with some fields of its reply changed."""
        return self.model_copy(update={"reply": replace(self.reply, **changes)})

    def as_question(self) -> Self:
        """A request without a style, whose response is an ephemeral question."""
        was = {"ephemeral": self.reply.ephemeral}
        return self.with_reply(ephemeral=True).model_copy(update=was)

    def with_replaceable_inputs(self, inputs: PaintInputs) -> Self:
        """A copy with the inputs of an earlier job as separate pictures, which can be replaced.

        What its member says is to be seen on it may not be true of the new one.
        """
        size_px = self.options.size_px
        moving = None if inputs.clip is None else MovingPhoto(clip=inputs.clip, size_px=size_px)
        first, *more = (
            Source(key=key, alt_text=said)
            for key, said in zip_longest(
                (inputs.content, *inputs.more_contents), inputs.alt_texts, fillvalue=""
            )
        )
        about = {"aspect": inputs.content_aspect, "moving": moving}
        return self.with_reply(alt_text="").model_copy(
            update={
                "inputs": None,
                "content": first.model_copy(update=about),
                "more": tuple(more),
                "mask": Source(key=inputs.mask) if inputs.mask else None,
                "styles": tuple(RequestedStyle.again(style) for style in inputs.styles),
            }
        )

    @property
    def photos(self) -> tuple[Source, ...]:
        """All photographs to paint, in order."""
        return () if self.content is None else (self.content, *self.more)

    def sources(self) -> dict[PictureRole, Source]:
        """All pictures but the photographs, by role; at most two of them are styles."""
        styles = (style.picture for style in self.styles if style.picture is not None)
        given = {
            **dict(zip((PictureRole.STYLE, PictureRole.SECOND_STYLE), styles, strict=False)),
            PictureRole.MASK: self.mask,
        }
        return {role: source for role, source in given.items() if source is not None}


def asker_of(interaction: Interaction) -> Asker:
    """Who made an interaction."""
    channel = interaction.channel
    return Asker(
        user_id=interaction.user.id,
        user_name=interaction.user.display_name,
        role_ids=role_ids(interaction),
        is_admin=is_admin(interaction, interaction.client.settings),
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        parent_channel_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
    )


def reply_to(interaction: Interaction, *, ephemeral: bool, spoiler: bool, notify: Notify) -> Reply:
    """Where the response to an interaction goes.

    After the token has expired, the bot reaches the message by its own token only where it is a
    member: in servers that installed it, and in its own DMs.
    """
    return Reply(
        application_id=interaction.application_id,
        interaction_id=interaction.id,
        interaction_token=interaction.token,
        token_expires_at=datetime.fromtimestamp(interaction.client.clock(), UTC) + TOKEN_LIFE,
        channel_id=interaction.channel_id,
        ephemeral=ephemeral,
        spoiler=spoiler,
        notify=notify,
        bot_in_channel=is_bot_here(interaction),
        only_commands=has_only_commands(interaction),
        locale=locale_of(interaction),
        upload_limit_bytes=interaction.filesize_limit,
    )


def reply_as(interaction: Interaction, was: Reply) -> Reply:
    """Where the response to an interaction goes, as visible and announced as another one."""
    reply = reply_to(interaction, ephemeral=was.ephemeral, spoiler=was.spoiler, notify=was.notify)
    return replace(reply, painted_from=was.painted_from)
