"""The child process that decodes; see `common.child` for its messages.

A request has `limits`, `clip_limits` (or null), `processor_seconds` and one file. An answer has the
fields of the `picture` with its PNG, and of the `clip` with its file if there is one; or the
sentence of a `problem`. The PNG is in shared memory if it fits (see
`common.pictures.shared_memory`). The child sends an empty message once everything is loaded and it
has dropped its privileges. A file that takes too much processor time ends it.
"""

import mmap
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from common.child import Header, Message, serve
from common.confining import confine, leave_network, processor_time, readable_modules
from common.memory import give_free_memory_back, keep_freed_memory
from common.pictures.kinds import ClipLimits, DecodeLimits, PictureError
from common.pictures.shared_memory import HELD_BYTES, IN_MEMORY


def main() -> None:
    """Serve until standard input ends.

    The arguments are the memory limit in bytes, a working folder, and optionally a file descriptor
    of shared memory.
    """
    leave_network()
    _load()
    keep_freed_memory()
    memory = mmap.mmap(int(sys.argv[3]), HELD_BYTES) if len(sys.argv) > 3 else None
    confine(
        memory_bytes=int(sys.argv[1]),
        folder=Path(sys.argv[2]),
        readable=readable_modules(),
    )

    held_bytes = 0

    def answer(request: Header, files: Sequence[bytes]) -> Message:
        nonlocal held_bytes
        if memory is not None:  # a later file must not be able to read this one
            memory[:held_bytes] = bytes(held_bytes)
            held_bytes = 0
        made, files = _answer(request, files)
        if memory is None or not files or len(files[0]) > HELD_BYTES:
            return made, files
        held_bytes = len(files[0])
        memory[:held_bytes] = files[0]
        return made | {IN_MEMORY: held_bytes}, files[1:]

    serve(answer, greets=True, idle=give_free_memory_back)


def _load() -> None:
    """Load all readers, so that the first file of a format is not delayed."""
    from common.pictures.readers.formats import FORMATS, LATE  # noqa: PLC0415

    import_module("common.clips.decode")
    for each in FORMATS.values():
        if each.module not in LATE:
            _ = each.read
            if each.motion:
                import_module(f"common.clips.readers.{each.motion}")


def _answer(request: Header, files: Sequence[bytes]) -> Message:
    from common.clips.decode import decode  # noqa: PLC0415 - loaded already, see `_load`

    wanted = request["clip_limits"]
    try:
        with processor_time(request["processor_seconds"]):
            decoded = decode(
                files[0],
                DecodeLimits(**request["limits"]),
                None if wanted is None else ClipLimits(**wanted),
            )
    except PictureError as problem:
        return {"problem": asdict(problem.sentence)}, []
    picture, clip = decoded.picture, decoded.clip
    answer: Header = {"picture": {**asdict(picture), "png": None}, "clip": None}
    if clip is None:
        return answer, [picture.png]
    return answer | {"clip": {**asdict(clip), "file": None}}, [picture.png, clip.file]


if __name__ == "__main__":
    main()
