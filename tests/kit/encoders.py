"""Encodes uploads in the test's process, as starting a child process is slow.

The child process has tests of its own in `tests/bot/pictures`.
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
    """Let bots encode uploads without a child process."""

    def answer(request: Header, files: Sequence[bytes]) -> Message:
        try:
            return child._answer(request, files)
        except Exception as error:
            raise ChildError(str(error)) from error

    async def ask_in_process(
        _module: str, request: Header, files: Sequence[bytes], **_limits: float
    ) -> Message:
        return await asyncio.to_thread(answer, request, files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload_encoder, "ask_child", ask_in_process)
        patch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # set by `answer`
        yield
