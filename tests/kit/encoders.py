"""Encodes uploads in the test's own process: starting one takes longer than most tests of the bot.

What its own process is and may do is tested beside `bot.pictures`.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import pytest
from PIL import Image

from bot.pictures import child, upload_encoder
from common.child import ChildError, Header, Message


@contextlib.contextmanager
def encode_in_process() -> Iterator[None]:
    """Let the bots of this block encode without a process of their own."""

    def answer(request: Header, files: Sequence[bytes]) -> Message:
        try:
            return child._answer(request, files)
        except Exception as error:
            raise ChildError(str(error)) from error

    async def asked(
        _module: str, request: Header, files: Sequence[bytes], **_limits: float
    ) -> Message:
        return await asyncio.to_thread(answer, request, files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload_encoder, "ask_child", asked)
        patch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # which it sets
        yield
