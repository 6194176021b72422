"""From what users attached to pictures in the store: download, make safe, keep."""

import asyncio

from bot.errors import UserProblem
from bot.paint.download import Downloader
from bot.paint.request import PaintRequest, Source, StyleWish
from bot.paint.wishes import resolve
from bot.texts import Texts, _
from jobs.options import PaintInputs, StyleInput
from jobs.pictures import DecodeLimits, DecoderPool, PictureProblem
from jobs.queue import JobQueue
from jobs.settings import Settings

PICTURES_AT_ONCE = 4

ROLES = {
    "content": _("The photograph"),
    "style0": _("The style picture"),
    "style1": _("The second style picture"),
    "mask": _("The mask"),
}


NOT_KEPT = _("The pictures of this painting are no longer kept; please use /paint with new ones.")


class InputProblem(UserProblem):
    """A picture that cannot be used, with the name of the option it was given to."""

    def __init__(self, role: str, problem: UserProblem | PictureProblem) -> None:
        super().__init__(str(problem))
        self.role = role
        self.problem = problem

    def say(self, t: Texts) -> str:
        """The sentence, after the name of the picture that it is about."""
        said = t(self.problem.sentence, **self.problem.values)
        return t("{picture}: {problem}", picture=t(ROLES.get(self.role, self.role)), problem=said)


class PictureIntake:
    """Takes pictures in, a few at a time, so that fifty commands at once need little memory."""

    def __init__(self, settings: Settings, queue: JobQueue) -> None:
        self._queue = queue
        self._downloader = Downloader(settings.max_upload_bytes)
        self._decoders = DecoderPool(
            DecodeLimits(
                max_bytes=settings.max_upload_bytes,
                max_pixels=settings.max_input_pixels,
                max_side_px=max(4096, settings.atelier_max_size_px),
            )
        )
        self._slots = asyncio.Semaphore(PICTURES_AT_ONCE)

    async def open(self) -> None:
        """Get ready to download."""
        await self._downloader.__aenter__()

    async def close(self) -> None:
        """End downloads and decoders."""
        await self._decoders.close()
        await self._downloader.__aexit__(None, None, None)

    async def take(self, source: Source, role: str = "content") -> str:
        """Take one picture in and return its key in the store.

        Raises:
            InputProblem: if it cannot be used.
        """
        if source.key is not None:
            if not await self._queue.store.exists(source.key):
                raise UserProblem(NOT_KEPT)
            return source.key
        assert source.url is not None
        async with self._slots:
            try:
                data = await self._downloader.fetch(source.url, source.size_bytes)
                picture = await self._decoders.normalise(data)
            except (UserProblem, PictureProblem) as problem:
                raise InputProblem(role, problem) from None
            return await self._queue.store.put(picture.png, ".png")

    async def inputs_for(self, request: PaintRequest) -> PaintInputs:
        """Take all pictures of a request in.

        Raises:
            InputProblem: for the first that cannot be used.
            UserProblem: if it asks for a stored picture that is not kept any more.
        """
        if request.inputs is not None:
            await self._check_kept(request.inputs)
            return request.inputs
        sources = request.sources()
        taken = await asyncio.gather(
            *(self.take(source, role) for role, source in sources.items()), return_exceptions=True
        )
        for result in taken:
            if isinstance(result, BaseException):
                raise result
        keys = {role: key for role, key in zip(sources, taken, strict=True) if isinstance(key, str)}
        styles = [
            await self._style(request, wish, keys.get(f"style{number}"))
            for number, wish in enumerate(request.styles)
        ]
        return PaintInputs(content=keys["content"], styles=tuple(styles), mask=keys.get("mask"))

    async def _check_kept(self, inputs: PaintInputs) -> None:
        for key in inputs.picture_keys():
            if not await self._queue.store.exists(key):
                raise UserProblem(NOT_KEPT)

    async def _style(self, request: PaintRequest, wish: StyleWish, key: str | None) -> StyleInput:
        if key is not None:
            return StyleInput(picture=key, weight=wish.weight)
        assert wish.preset is not None
        sender = request.sender
        return await resolve(self._queue, wish.preset, wish.weight, sender.user_id, sender.guild_id)
