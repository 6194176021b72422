"""Downloads, decodes and stores the pictures that users attach."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from functools import partial

from bot.intake.download import Downloader, UnreachableError
from bot.intake.fair_use import ByteBudget, FairUse
from bot.intake.quota import StorageQuota
from bot.intake.request import MovingPhoto, PaintRequest, PictureRole, RequestedStyle, Source
from bot.intake.requested_styles import PaintingUnavailableError, resolve
from bot.intake.stored import (
    ERASED,
    NOT_KEPT,
    InputError,
    Stored,
    Undecided,
    about_picture,
    notes_of,
    usable_photos,
)
from bot.kit import UserError, cancel
from bot.texts import _
from bot.wire.addresses import discord_proxy
from common.options import MIN_SIZE_PX, ClipInput, PaintInputs, StyleInput
from common.pictures import (
    ClipLimits,
    Decoded,
    DecodeLimits,
    DecoderPool,
    DecoderUnavailableError,
    PictureError,
)
from common.pictures.readers.formats import is_video, may_move
from common.sentences import Sentence
from common.settings import Settings
from common.store import key_for
from common.variants import left_out
from jobs.model import Asker
from jobs.queue import JobQueue

HELD_BYTES = 48 * 1024 * 1024
HELD_AT_ONCE = 8
CLIPS_AT_ONCE = 2

PNG, CLIP = ".png", ".clip"
DOES_NOT_MOVE = _("It does not move, so I painted it as a still picture.")


class PictureIntake:
    """Stores attached pictures, a few at a time, so that fifty commands need little memory."""

    def __init__(self, settings: Settings, queue: JobQueue, fair_use: FairUse) -> None:
        self._queue = queue
        self._fair_use = fair_use
        self._quota = StorageQuota(settings, queue)
        self._downloader = Downloader(settings.max_upload_bytes, proxy=discord_proxy(settings))
        self._decoders = DecoderPool(
            DecodeLimits(
                max_bytes=settings.max_upload_bytes,
                max_pixels=settings.max_input_pixels,
                max_side_px=max(2048, settings.limits.max_size_px),
            )
        )
        self._budget = ByteBudget(max(HELD_BYTES, settings.max_upload_bytes), HELD_AT_ONCE)
        self._clips = asyncio.Semaphore(CLIPS_AT_ONCE)
        self._max_bytes = settings.max_upload_bytes
        self._warming: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the downloader and warm up a decoder."""
        await self._downloader.__aenter__()
        self._warming = asyncio.create_task(self._warm_up())

    async def _warm_up(self) -> None:
        with contextlib.suppress(PictureError, DecoderUnavailableError):
            await self._decoders.normalize(b"")

    async def close(self) -> None:
        """Stop downloads and decoders."""
        await cancel(self._warming)
        await self._decoders.close()
        await self._downloader.__aexit__(None, None, None)

    async def store_picture(
        self,
        source: Source,
        role: PictureRole,
        member: int,
        interaction_id: int | None = None,
        *,
        number: int | None = None,
        moves_for: Asker | None = None,
    ) -> Stored[str]:
        """Store one picture, and hold it for as long as its intake is open.

        Args:
            source: Its URL, or its key if it is stored already.
            role: Which input of the painting it is.
            member: The ID of its owner.
            interaction_id: Identifies the intake; None: hold nothing.
            number: Its number among several of its role, from 1.
            moves_for: Whose limits on moving pictures apply; None: take the first frame.

        Raises:
            InputError: It cannot be used.
            UserError: It is no longer stored, or its user had everything erased.
        """
        if source.key is not None:
            moving = None if moves_for is None else source.moving
            keys = [source.key, *([moving.clip.picture] if moving else [])]
            await self._hold_existing(interaction_id, keys)
            notes = () if moving or not source.moving else source.moving.notes_of_still
            return Stored(source.key, notes, source.aspect, moving)
        assert source.url is not None
        size_bytes = self._max_bytes if source.size_bytes is None else source.size_bytes
        await self._quota.check(member, size_bytes)
        async with self._fair_use.pictures.turn(member), self._budget.hold(size_bytes):
            video = False
            try:
                data = await self._downloader.fetch(source.url, source.size_bytes)
                video = is_video(data)
                if moves_for is not None and may_move(data):
                    clip_limits = await self._clip_limits(moves_for)
                    async with self._clips:  # clips need more memory than their files
                        decoded = await self._decoders.decode(data, clip_limits)
                        return await self._store_decoded(
                            decoded, role, interaction_id, number, video
                        )
                decoded = await self._decoders.decode(data)
            except UnreachableError:
                raise
            except (UserError, PictureError) as problem:
                self._fair_use.refused(member)
                raise InputError(role, problem, number, is_video=video) from None
            return await self._store_decoded(decoded, role, interaction_id, number, video)

    async def _store_decoded(
        self,
        decoded: Decoded,
        role: PictureRole,
        interaction_id: int | None,
        number: int | None,
        is_video: bool,
    ) -> Stored[str]:
        picture, clip = decoded.picture, decoded.clip
        sides = sorted((picture.width_px, picture.height_px))
        about = partial(
            about_picture, role, number=number, is_video=is_video, moves=clip is not None
        )
        notes = tuple(about(note) for note in picture.notes)
        files = [(picture.png, PNG), *([(clip.file, CLIP)] if clip else [])]
        keys = await asyncio.to_thread(lambda: [key_for(*file) for file in files])
        await self._hold(interaction_id, keys)
        for name, (data, _suffix) in zip(keys, files, strict=True):
            await self._queue.store.put(data, name)
        key, *more = keys
        if clip is None:
            return Stored(key, notes, sides[0] / sides[1])
        moving = MovingPhoto(
            clip=ClipInput(picture=more[0], frames=clip.frames, seconds=clip.seconds),
            size_px=max(MIN_SIZE_PX, clip.width_px, clip.height_px),
            notes=tuple(about(note) for note in clip.notes),
            notes_of_still=notes,
        )
        return Stored(key, (), sides[0] / sides[1], moving)

    async def store_pictures(self, request: PaintRequest) -> PaintRequest:
        """Store the pictures of a request that has no style yet; returns it with their keys.

        Raises:
            InputError, UserError: As `gather_inputs` does.
        """
        return _with_stored_keys(request, *await self._store_all(request))

    async def gather_inputs(self, request: PaintRequest) -> Stored[PaintInputs] | Undecided:
        """Store all pictures of a request.

        Returns:
            The inputs of the job; or `Undecided`, if the member has yet to be asked whether to
            paint a clip.

        Raises:
            InputError: The first picture that cannot be used.
            UserError: A stored picture is no longer there, or the user had everything erased.
        """
        interaction_id = request.reply.interaction_id
        if request.inputs is not None:
            await self._hold_existing(interaction_id, request.inputs.picture_keys())
            return Stored(request.inputs)
        photos, taken = await self._store_all(request)
        moving = photos.moving
        if moving is not None and request.options.moving is None:
            return Undecided(_with_stored_keys(request, photos, taken), moving)
        keys = {role: each.value for role, each in taken.items()}
        style_keys = (
            keys[role] for role in (PictureRole.STYLE, PictureRole.SECOND_STYLE) if role in keys
        )
        styles: list[StyleInput] = []
        missing: dict[str, PaintingUnavailableError] = {}
        for wanted in request.styles:
            try:
                key = next(style_keys) if wanted.picture else None
                styles.append(await self._resolve_style(request, wanted, key))
            except PaintingUnavailableError as problem:
                missing[problem.painting.id] = problem
        if missing and (request.options.vary != "style" or not styles):
            raise next(iter(missing.values()))
        notes = (*notes_of(photos, taken), *([left_out(missing)] if missing else []))
        if moving is not None:
            notes += moving.notes
        elif request.options.moving:
            notes += (about_picture(PictureRole.CONTENT, Sentence(DOES_NOT_MOVE)),)
        return Stored(
            PaintInputs(
                content=photos.value[0],
                more_contents=photos.value[1:],
                styles=tuple(styles),
                mask=keys.get(PictureRole.MASK),
                clip=None if moving is None else moving.clip,
                content_aspect=photos.aspect,
                alt_texts=photos.alt_texts if any(photos.alt_texts) else (),
            ),
            notes,
            photos.aspect,
            moving,
        )

    async def _clip_limits(self, asker: Asker) -> ClipLimits:
        limits = await self._queue.limits.in_force_for(asker)
        return ClipLimits(
            max_seconds=limits.max_clip_seconds,
            max_frames_per_second=limits.max_clip_frames_per_second,
            max_side_px=min(limits.max_clip_size_px, limits.max_size_px),
        )

    async def _store_all(
        self, request: PaintRequest
    ) -> tuple[Stored[tuple[str, ...]], dict[PictureRole, Stored[str]]]:
        """Store the photographs, and the other pictures by role."""
        photos, sources = request.photos, request.sources()
        member, interaction_id = request.asker.user_id, request.reply.interaction_id
        several = len(photos) > 1
        moves_for = request.asker if request.may_move else None
        results = await asyncio.gather(
            *(
                self.store_picture(
                    photo,
                    PictureRole.CONTENT,
                    member,
                    interaction_id,
                    number=number if several else None,
                    moves_for=moves_for,
                )
                for number, photo in enumerate(photos, start=1)
            ),
            *(
                self.store_picture(source, role, member, interaction_id)
                for role, source in sources.items()
            ),
            return_exceptions=True,
        )
        taken: dict[PictureRole, Stored[str]] = {}
        for role, result in zip(sources, results[len(photos) :], strict=True):
            if isinstance(result, BaseException):
                raise result
            taken[role] = result
        return usable_photos(results[: len(photos)], [photo.alt_text for photo in photos]), taken

    async def _hold_existing(self, interaction_id: int | None, keys: Collection[str]) -> None:
        await self._hold(interaction_id, keys)
        for key in keys:
            if not await self._queue.store.exists(key):
                raise UserError(NOT_KEPT)

    async def _hold(self, interaction_id: int | None, keys: Collection[str]) -> None:
        if interaction_id is not None and not await self._queue.intakes.hold_pictures(
            interaction_id, keys
        ):
            raise UserError(ERASED)

    async def _resolve_style(
        self, request: PaintRequest, wanted: RequestedStyle, key: str | None
    ) -> StyleInput:
        if key is not None:
            return StyleInput(picture=key, name=wanted.name, weight=wanted.weight)
        assert wanted.preset is not None
        asker = request.asker
        style = await resolve(
            self._queue, wanted.preset, wanted.weight, asker.user_id, asker.guild_id
        )
        if style.picture is not None:  # a saved style, which may be removed at any moment
            await self._hold_existing(request.reply.interaction_id, [style.picture])
        return style


def _with_stored_keys(
    request: PaintRequest, photos: Stored[tuple[str, ...]], taken: Mapping[PictureRole, Stored[str]]
) -> PaintRequest:
    """The request with its pictures as keys in the store, and with the notes on them."""
    content, *more = (
        Source(key=key, alt_text=said)
        for key, said in zip(photos.value, photos.alt_texts, strict=True)
    )
    content = content.model_copy(update={"aspect": photos.aspect, "moving": photos.moving})
    sources = {role: Source(key=each.value) for role, each in taken.items()}
    pictures = iter(
        sources[role] for role in (PictureRole.STYLE, PictureRole.SECOND_STYLE) if role in sources
    )
    styles = tuple(
        style if style.picture is None else style.model_copy(update={"picture": next(pictures)})
        for style in request.styles
    )
    notes = (*request.reply.notes, *notes_of(photos, taken))
    return request.with_reply(notes=notes).model_copy(
        update={
            "content": content,
            "more": tuple(more),
            "mask": sources.get(PictureRole.MASK),
            "styles": styles,
        }
    )
