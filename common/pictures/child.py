"""The child process that decodes; see `common.child` for its messages.

A request has `limits` and one file. An answer has the fields of the `picture` and its PNG, or the
sentence of a `problem`. It greets first, once all is loaded.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict

from common.child import Header, Message, serve
from common.pictures.decode import normalise
from common.pictures.kinds import DecodeLimits, PictureProblem


def main() -> None:
    """Serve until standard input ends; the first argument is the memory limit in bytes."""
    _limit_memory(int(sys.argv[1]))
    serve(_answer, greets=True)


def _answer(request: Header, files: Sequence[bytes]) -> Message:
    try:
        picture = normalise(files[0], DecodeLimits(**request["limits"]))
    except PictureProblem as problem:
        return {"problem": asdict(problem.sentence)}, []
    return {"picture": {**asdict(picture), "png": None}}, [picture.png]


def _limit_memory(limit_bytes: int) -> None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


if __name__ == "__main__":
    main()
