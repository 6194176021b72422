"""The child process that decodes; see `common.child` for its messages.

A request has `limits`, `processor_seconds` and one file. An answer has the fields of the `picture`
and its PNG, or the sentence of a `problem`. It greets first, once all is loaded and it has given up
what it does not need. A file that takes too much processor time ends it.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from common.child import Header, Message, serve
from common.confining import confine, leave_network, processor_time, readable_modules
from common.pictures.kinds import DecodeLimits, PictureError


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
    from common.pictures.readers.formats import FORMATS  # noqa: PLC0415

    for each in FORMATS.values():
        _ = each.read


def _answer(request: Header, files: Sequence[bytes]) -> Message:
    from common.pictures.decode import normalize  # noqa: PLC0415 - loaded already, see `_load`

    try:
        with processor_time(request["processor_seconds"]):
            picture = normalize(files[0], DecodeLimits(**request["limits"]))
    except PictureError as problem:
        return {"problem": asdict(problem.sentence)}, []
    return {"picture": {**asdict(picture), "png": None}}, [picture.png]


if __name__ == "__main__":
    main()
