"""From what users attached to pictures in the store: download, make safe, keep."""

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from bot.intake.byte_budget import ByteBudget
from bot.intake.download import Downloader
from bot.intake.request import Moving, PaintRequest, Role, Source, StyleWish
from bot.intake.room import DiskRoom
from bot.intake.shares import Shares
from bot.intake.wishes import resolve
from bot.texts import _
from bot.wire.errors import UserError
from common.options import MIN_SIZE_PX, ClipInput, PaintInputs, StyleInput
from common.pictures import (
    ClipLimits,
    Decoded,
    DecodeLimits,
    DecoderPool,
    DecoderUnavailableError,
    PictureError,
)
from common.sentences import Sentence, sentence
from common.settings import Settings
from common.store import key_for
from jobs.queue import JobQueue

T = TypeVar("T")

HELD_BYTES = 48 * 1024 * 1024
HELD_AT_ONCE = 8

ROLE_WORDS = {
    Role.CONTENT: _("The photograph"),
    Role.STYLE: _("The style picture"),
    Role.SECOND_STYLE: _("The second style picture"),
    Role.MASK: _("The mask"),
}
OF_PICTURE = _("{picture}: {problem}")
NOT_KEPT = _("The pictures of this painting are no longer kept; please use /paint with new ones.")

ERASED = _("Your data was erased while this was being prepared, so it is not painted.")
PNG, CLIP = ".png", ".clip"
DOES_NOT_MOVE = sentence("It does not move, so I painted it as a still picture.")


@dataclass(frozen=True)
class Taken(Generic[T]):
    """What was taken in (the key of a picture, or all inputs), and what had to be changed of it."""

    value: T
    notes: tuple[Sentence, ...] = ()
    aspect: float | None = None
    """Of a picture, the shorter side in parts of the longer, where it was looked at."""
    moving: Moving | None = None
    """What moves of it, where that matters."""

    def source(self: "Taken[str]") -> Source:
        """The same picture, to be taken from the store."""
        return Source(key=self.value, aspect=self.aspect, moving=self.moving)


@dataclass(frozen=True)
class Undecided:
    """It is yet to be asked whether what moves is to be painted, or its first picture."""

    request: PaintRequest
    """With its pictures in the store."""
    moving: Moving


class InputError(UserError):
    """A picture that cannot be used, with the name of the option it was given to."""

    def __init__(self, role: Role, problem: UserError | PictureError) -> None:
        said = _of_picture(role, problem.sentence)
        super().__init__(said.template, **said.values)


def _of_picture(role: Role, sentence: Sentence) -> Sentence:
    """A sentence with the name of the option whose picture it is about."""
    picture = Sentence(ROLE_WORDS[role])
    return Sentence(OF_PICTURE, {"picture": picture, "problem": sentence})


class PictureIntake:
    """Takes pictures in, a few at a time, so that fifty commands at once need little memory."""

    def __init__(self, settings: Settings, queue: JobQueue, shares: Shares) -> None:
        self._queue = queue
        self._shares = shares
        self._room = DiskRoom(settings, queue)
        self._downloader = Downloader(settings.max_upload_bytes)
        self._decoders = DecoderPool(
            DecodeLimits(
                max_bytes=settings.max_upload_bytes,
                max_pixels=settings.max_input_pixels,
                max_side_px=max(2048, settings.limits.max_size_px),
            )
        )
        self._budget = ByteBudget(max(HELD_BYTES, settings.max_upload_bytes), HELD_AT_ONCE)
        self._max_bytes = settings.max_upload_bytes
        self._warming: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Get ready to download and to decode, so that the first does not wait for it."""
        await self._downloader.__aenter__()
        self._warming = asyncio.create_task(self._warm_up())

    async def _warm_up(self) -> None:
        with contextlib.suppress(PictureError, DecoderUnavailableError):
            await self._decoders.normalize(b"")

    async def close(self) -> None:
        """End downloads and decoders."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._decoders.close()
        await self._downloader.__aexit__(None, None, None)

    async def take(
        self,
        source: Source,
        role: Role,
        member: int,
        interaction_id: int | None = None,
        *,
        clip_limits: ClipLimits | None = None,
    ) -> Taken[str]:
        """Take one picture in, and keep it while the intake of this interaction is open.

        Args:
            source: The picture.
            role: What it is to the painting.
            member: Whose it is.
            interaction_id: That of the intake.
            clip_limits: How much is taken of what moves; None where a still picture will do.

        Raises:
            InputError: if it cannot be used.
            UserError: if it is not kept any more, or the user had everything erased.
        """
        if source.key is not None:
            moving = None if clip_limits is None else source.moving
            keys = [source.key, *([moving.clip.picture] if moving else [])]
            await self._hold_kept(interaction_id, keys)
            notes = () if moving or not source.moving else source.moving.notes_of_still
            return Taken(source.key, notes, source.aspect, moving)
        assert source.url is not None
        size_bytes = self._max_bytes if source.size_bytes is None else source.size_bytes
        await self._room.check(member, size_bytes)
        async with self._shares.pictures.turn(member), self._budget.hold(size_bytes):
            try:
                data = await self._downloader.fetch(source.url, source.size_bytes)
                decoded = await self._decoders.decode(data, clip_limits)
            except (UserError, PictureError) as problem:
                self._shares.refused(member)
                raise InputError(role, problem) from None
            return await self._stored(decoded, role, interaction_id)

    async def _stored(self, decoded: Decoded, role: Role, interaction_id: int | None) -> Taken[str]:
        picture, clip = decoded.picture, decoded.clip
        sides = sorted((picture.width_px, picture.height_px))
        notes = tuple(_of_picture(role, note) for note in picture.notes)
        files = [(picture.png, PNG), *([(clip.file, CLIP)] if clip else [])]
        await self._hold(interaction_id, [key_for(*file) for file in files])
        key, *more = [await self._queue.store.put(*file) for file in files]
        if clip is None:
            return Taken(key, notes, sides[0] / sides[1])
        moving = Moving(
            clip=ClipInput(picture=more[0], frames=clip.frames, seconds=clip.seconds),
            size_px=max(MIN_SIZE_PX, clip.width_px, clip.height_px),
            notes=tuple(_of_picture(role, note) for note in clip.notes),
            notes_of_still=notes,
        )
        return Taken(key, (), sides[0] / sides[1], moving)

    async def keep(self, request: PaintRequest) -> PaintRequest:
        """Take the pictures in of a wish that lacks its style; the wish with their keys.

        Raises:
            InputError, UserError: as `gather` does.
        """
        return _kept(request, await self._take_all(request))

    async def gather(self, request: PaintRequest) -> Taken[PaintInputs] | Undecided:
        """Take all pictures of a request in.

        Raises:
            InputError: for the first that cannot be used.
            UserError: if it asks for a stored picture that is not kept any more, or the user
                had everything erased.
        """
        interaction_id = request.reply.interaction_id
        if request.inputs is not None:
            await self._hold_kept(interaction_id, request.inputs.picture_keys())
            return Taken(request.inputs)
        taken = await self._take_all(request)
        content = taken[Role.CONTENT]
        if content.moving is not None and request.options.moving is None:
            return Undecided(_kept(request, taken), content.moving)
        keys = {role: each.value for role, each in taken.items()}
        style_keys = (keys[role] for role in (Role.STYLE, Role.SECOND_STYLE) if role in keys)
        styles = [
            await self._style(request, wish, next(style_keys) if wish.picture else None)
            for wish in request.styles
        ]
        notes = [note for each in taken.values() for note in each.notes]
        if content.moving is not None:
            notes += content.moving.notes
        elif request.options.moving:
            notes.append(_of_picture(Role.CONTENT, DOES_NOT_MOVE))
        return Taken(
            PaintInputs(
                content=keys[Role.CONTENT],
                styles=tuple(styles),
                mask=keys.get(Role.MASK),
                clip=None if content.moving is None else content.moving.clip,
                content_aspect=content.aspect,
            ),
            tuple(notes),
            content.aspect,
            content.moving,
        )

    async def _clip_limits(self, request: PaintRequest) -> ClipLimits | None:
        if not request.may_move:
            return None
        limits = await self._queue.limits.in_force_for(request.asker)
        return ClipLimits(
            max_seconds=limits.max_clip_seconds,
            max_frames_per_second=limits.max_clip_frames_per_second,
            max_side_px=min(limits.max_clip_size_px, limits.max_size_px),
        )

    async def _take_all(self, request: PaintRequest) -> dict[Role, Taken[str]]:
        sources = request.sources()
        clip_limits = await self._clip_limits(request)
        results = await asyncio.gather(
            *(
                self.take(
                    source,
                    role,
                    request.asker.user_id,
                    request.reply.interaction_id,
                    clip_limits=clip_limits if role is Role.CONTENT else None,
                )
                for role, source in sources.items()
            ),
            return_exceptions=True,
        )
        taken: dict[Role, Taken[str]] = {}
        for role, result in zip(sources, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            taken[role] = result
        return taken

    async def _hold_kept(self, interaction_id: int | None, keys: Collection[str]) -> None:
        await self._hold(interaction_id, keys)
        for key in keys:
            if not await self._queue.store.exists(key):
                raise UserError(NOT_KEPT)

    async def _hold(self, interaction_id: int | None, keys: Collection[str]) -> None:
        if interaction_id is not None and not await self._queue.intakes.hold_pictures(
            interaction_id, keys
        ):
            raise UserError(ERASED)

    async def _style(self, request: PaintRequest, wish: StyleWish, key: str | None) -> StyleInput:
        if key is not None:
            return StyleInput(picture=key, name=wish.name, weight=wish.weight)
        assert wish.preset is not None
        asker = request.asker
        style = await resolve(self._queue, wish.preset, wish.weight, asker.user_id, asker.guild_id)
        if style.picture is not None:  # a saved one, which may be removed at any moment
            await self._hold_kept(request.reply.interaction_id, [style.picture])
        return style


def _kept(request: PaintRequest, taken: dict[Role, Taken[str]]) -> PaintRequest:
    """The wish with its pictures in the store; what is to be said of them goes with it."""
    sources = {role: each.source() for role, each in taken.items()}
    pictures = iter(sources[role] for role in (Role.STYLE, Role.SECOND_STYLE) if role in sources)
    styles = tuple(
        style if style.picture is None else style.model_copy(update={"picture": next(pictures)})
        for style in request.styles
    )
    notes = (*request.reply.notes, *(note for each in taken.values() for note in each.notes))
    return request.model_copy(
        update={
            "content": sources[Role.CONTENT],
            "mask": sources.get(Role.MASK),
            "styles": styles,
            "reply": replace(request.reply, notes=notes),
        }
    )
