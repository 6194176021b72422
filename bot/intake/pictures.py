"""From what users attached to pictures in the store: download, make safe, keep."""

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from bot.intake.byte_budget import ByteBudget
from bot.intake.download import Downloader, UnreachableError
from bot.intake.request import PaintRequest, Role, Source, StyleWish
from bot.intake.room import DiskRoom
from bot.intake.shares import Shares
from bot.intake.wishes import resolve
from bot.texts import _
from bot.wire.errors import UserError
from common.options import PaintInputs, StyleInput
from common.pictures import DecodeLimits, DecoderPool, DecoderUnavailableError, PictureError
from common.sentences import Sentence
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
PNG = ".png"


@dataclass(frozen=True)
class Taken(Generic[T]):
    """What was taken in (the key of a picture, or all inputs), and what had to be changed of it."""

    value: T
    notes: tuple[Sentence, ...] = ()
    aspect: float | None = None
    """Of a picture, the shorter side in parts of the longer, where it was looked at."""


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
        self, source: Source, role: Role, member: int, interaction_id: int | None = None
    ) -> Taken[str]:
        """Take one picture in, and keep it while the intake of this interaction is open.

        Raises:
            InputError: if it cannot be used.
            UserError: if it is not kept any more, or the user had everything erased.
        """
        if source.key is not None:
            await self._hold_kept(interaction_id, [source.key])
            return Taken(source.key)
        assert source.url is not None
        size_bytes = self._max_bytes if source.size_bytes is None else source.size_bytes
        await self._room.check(member, size_bytes)
        async with self._shares.pictures.turn(member), self._budget.hold(size_bytes):
            try:
                data = await self._downloader.fetch(source.url, source.size_bytes)
                picture = await self._decoders.normalize(data)
            except UnreachableError:
                raise
            except (UserError, PictureError) as problem:
                self._shares.refused(member)
                raise InputError(role, problem) from None
            await self._hold(interaction_id, [key_for(picture.png, PNG)])
            key = await self._queue.store.put(picture.png, PNG)
        sides = sorted((picture.width_px, picture.height_px))
        notes = tuple(_of_picture(role, note) for note in picture.notes)
        return Taken(key, notes, sides[0] / sides[1])

    async def keep(self, request: PaintRequest) -> PaintRequest:
        """Take the pictures in of a wish that lacks its style; the wish with their keys.

        Raises:
            InputError, UserError: as `gather` does.
        """
        taken = await self._take_all(request)
        sources = {role: Source(key=each.value) for role, each in taken.items()}
        changes = {"content": sources[Role.CONTENT], "mask": sources.get(Role.MASK)}
        notes = (*request.reply.notes, *(note for each in taken.values() for note in each.notes))
        reply = replace(request.reply, notes=notes)
        return request.model_copy(update={**changes, "reply": reply})

    async def gather(self, request: PaintRequest) -> Taken[PaintInputs]:
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
        keys = {role: each.value for role, each in taken.items()}
        style_keys = (keys[role] for role in (Role.STYLE, Role.SECOND_STYLE) if role in keys)
        styles = [
            await self._style(request, wish, next(style_keys) if wish.picture else None)
            for wish in request.styles
        ]
        return Taken(
            PaintInputs(
                content=keys[Role.CONTENT],
                styles=tuple(styles),
                mask=keys.get(Role.MASK),
                content_aspect=taken[Role.CONTENT].aspect,
            ),
            tuple(note for each in taken.values() for note in each.notes),
        )

    async def _take_all(self, request: PaintRequest) -> dict[Role, Taken[str]]:
        sources = request.sources()
        results = await asyncio.gather(
            *(
                self.take(source, role, request.asker.user_id, request.reply.interaction_id)
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
