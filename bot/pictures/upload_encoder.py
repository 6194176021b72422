"""Ask a child process for a picture that fits; one at a time, with a bound on time."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE

from bot.pictures.child import Encoded

TIMEOUT_SECONDS = 120.0
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class EncodingProblem(Exception):
    """The child could not make the picture."""


class UploadEncoder:
    """Encodes pictures outside of the bot's process."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def fit(self, data: bytes, limit_bytes: int) -> Encoded:
        """The best JPEG or WebP of at most so many bytes.

        Raises:
            EncodingProblem: if that failed or took too long.
        """
        return await self._ask("fit", limit_bytes, data)

    async def compare(self, before: bytes, after: bytes, limit_bytes: int) -> Encoded:
        """Two pictures side by side, in at most so many bytes.

        Raises:
            EncodingProblem: if that failed or took too long.
        """
        return await self._ask("compare", limit_bytes, before, after)

    async def _ask(self, what: str, limit_bytes: int, *files: bytes) -> Encoded:
        header = {"what": what, "limit": limit_bytes, "sizes": [len(file) for file in files]}
        request = json.dumps(header).encode() + b"\n" + b"".join(files)
        async with self._one_at_a_time:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot.pictures.child", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
            try:
                output, _ = await asyncio.wait_for(child.communicate(request), TIMEOUT_SECONDS)
            except TimeoutError:
                raise EncodingProblem(f"{what} took longer than {TIMEOUT_SECONDS:.0f} s") from None
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        if child.returncode != 0:
            raise EncodingProblem(f"{what} ended with code {child.returncode}")
        line, _, data = output.partition(b"\n")
        return Encoded(**{**json.loads(line), "data": data})
