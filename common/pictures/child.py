"""The child process that decodes; see `common.child` for its messages.

A request has `limits`, `clip_limits` or null, `processor_seconds` and one file. An answer has the
fields of the `picture` and its PNG, and of the `clip` and its file where there is one; or the
sentence of a `problem`. It greets first, once all is loaded and it has given up
what it does not need. A file that takes too much processor time ends it.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from common.child import Header, Message, serve
from common.confining import confine, leave_network, processor_time, readable_modules
from common.pictures.kinds import ClipLimits, DecodeLimits, PictureError


def main() -> None:
    """Serve until standard input ends; the arguments are the memory in bytes and a folder."""
    leave_network()
    _load()
    confine(
        memory_bytes=int(sys.argv[1]),
        folder=Path(sys.argv[2]),
        readable=readable_modules(),
    )
    serve(_answer, greets=True)


def _load() -> None:
    """Load every reader, so that the first file of a format does not wait for it."""
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
