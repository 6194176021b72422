"""A wish for a painting, as JSON: what the intake row holds until there is a job."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
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

TOKEN_LIFE = timedelta(minutes=15)


class PictureRole(StrEnum):
    """What a picture is to the painting."""

    CONTENT = "content"
    STYLE = "style"
    SECOND_STYLE = "style2"
    MASK = "mask"


class MovingPhoto(BaseModel):
    """What moves of a photograph in the store: kept beside it until it is known what to paint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip: ClipInput
    size_px: int
    """The longest side that it is painted with, unless another is wished."""
    notes: tuple[Sentence, ...] = ()
    """What was left out of it."""
    notes_of_still: tuple[Sentence, ...] = ()
    """What is to be said where its first picture is painted."""


class Source(BaseModel):
    """A picture of a wish: to be downloaded (`url`), or in the store already (`key`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    key: str | None = None
    size_bytes: int | None = None
    aspect: float | None = None
    """Of one in the store, where it is known: its shorter side in parts of its longer."""
    moving: MovingPhoto | None = None
    """Of one in the store, where it moves."""

    @classmethod
    def attachment(cls, attachment: discord.Attachment) -> "Source":
        """A file that a user attached. Its signed address expires, so it is fetched at once."""
        return cls(url=attachment.url, size_bytes=attachment.size)


class StyleWish(BaseModel):
    """A style of a wish: a picture, or a painting of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: Source | None = None
    preset: str | None = None
    name: str | None = None
    """Under which the picture was saved as a style."""
    weight: float = 1.0

    @classmethod
    def again(cls, style: StyleInput) -> Self:
        """A style of an earlier job."""
        picture = Source(key=style.picture) if style.picture else None
        return cls(picture=picture, preset=style.preset, name=style.name, weight=style.weight)


class PaintRequest(BaseModel):
    """Everything needed to make the job, now or after a restart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asker: Asker
    reply: Reply
    content: Source | None = None
    styles: tuple[StyleWish, ...] = ()
    inputs: PaintInputs | None = None  # a remix with the very pictures of its parent
    more: tuple[Source, ...] = ()
    """Further photographs, each of which becomes a picture of the same job."""
    mask: Source | None = None
    options: PaintOptions
    named: tuple[str, ...] = ()
    """Options that the member chose; the others may still be changed to suit the style."""
    left_open: tuple[str, ...] = ()
    """Of those that have a limit, which the member did not choose; see `Submission`."""
    ephemeral: bool = False
    """Of a wish that lacks its style: whether only the member is to see the picture."""
    parent_job_id: int | None = None
    asked: bool = False
    """Whether its answer is a question that was answered since; it stays where that fails."""
    version: int | None = None
    """Which version of the parent is to be a picture of its own, from 0; nothing is painted."""

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_version(cls, data: Any) -> Any:
        """Until 0.1 who asks and where the answer goes stood together, in `sender`."""
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
        """Whether a style is yet to be chosen for the photograph."""
        return self.inputs is None and not self.styles

    @property
    def may_move(self) -> bool:
        """Whether what moves of the photograph matters: several versions are stills."""
        return self.options.moving is not False and self.options.variants == 1 and not self.more

    def with_options(self, **changes: Any) -> Self:
        """The same wish with some options changed."""
        return self.model_copy(update={"options": self.options.model_copy(update=changes)})

    def with_reply(self, **changes: Any) -> Self:
        """The same wish with something else of where its answer goes."""
        return self.model_copy(update={"reply": replace(self.reply, **changes)})

    def as_question(self) -> Self:
        """A wish that lacks its style, whose answer asks for it and is for the member alone."""
        was = {"ephemeral": self.reply.ephemeral}
        return self.with_reply(ephemeral=True).model_copy(update=was)

    def apart(self, inputs: PaintInputs) -> Self:
        """The pictures of an earlier job one by one, so that some can be exchanged."""
        size_px = self.options.size_px
        moving = None if inputs.clip is None else MovingPhoto(clip=inputs.clip, size_px=size_px)
        photo = Source(key=inputs.content, aspect=inputs.content_aspect, moving=moving)
        return self.model_copy(
            update={
                "inputs": None,
                "content": photo,
                "more": tuple(Source(key=key) for key in inputs.more_contents),
                "mask": Source(key=inputs.mask) if inputs.mask else None,
                "styles": tuple(StyleWish.again(style) for style in inputs.styles),
            }
        )

    @property
    def photos(self) -> tuple[Source, ...]:
        """All photographs that are to be painted, in their order."""
        return () if self.content is None else (self.content, *self.more)

    def sources(self) -> dict[PictureRole, Source]:
        """The pictures beside the photographs; there are at most two of styles."""
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


def reply_to(
    interaction: Interaction,
    *,
    ephemeral: bool = False,
    spoiler: bool = False,
    notify: Notify = "long",
) -> Reply:
    """Where the answer to an interaction goes.

    The bot can reach a message later by its own token only where it is a member: in servers
    that installed it, and in its own DMs.
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
    """Where the answer to an interaction goes, shown and told of as another was."""
    reply = reply_to(interaction, ephemeral=was.ephemeral, spoiler=was.spoiler, notify=was.notify)
    return replace(reply, painted_from=was.painted_from)
