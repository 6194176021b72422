"""The child process that decodes: requests on standard input, answers on standard output.

It says `ready` first. A request is a line of JSON (`bytes`: how many follow, `limits`) and the
file's bytes. An answer is a line of JSON (`bytes`, and either the picture's fields or the sentence
of a `problem`) and the PNG's bytes.
"""

import json
import os
import sys
from dataclasses import asdict
from typing import BinaryIO

from common.pictures.decode import normalise
from common.pictures.kinds import DecodeLimits, PictureProblem


def main() -> None:
    """Serve until standard input ends; the first argument is the memory limit in bytes."""
    _limit_memory(int(sys.argv[1]))
    requests, answers = sys.stdin.buffer, _only_for_answers()
    answers.write(b"ready\n")
    answers.flush()
    while header := requests.readline():
        request = json.loads(header)
        data = requests.read(request["bytes"])
        _serve(data, DecodeLimits(**request["limits"]), answers)


def _only_for_answers() -> BinaryIO:
    """Keep standard output for answers, whatever a decoder prints."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _serve(data: bytes, limits: DecodeLimits, answers: BinaryIO) -> None:
    png = b""
    answer: dict[str, object]
    try:
        picture = normalise(data, limits)
    except PictureProblem as problem:
        answer = {"problem": asdict(problem.sentence)}
    else:
        png = picture.png
        answer = {"picture": {**asdict(picture), "png": None}}
    answers.write(json.dumps({**answer, "bytes": len(png)}).encode() + b"\n" + png)
    answers.flush()


def _limit_memory(limit_bytes: int) -> None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


if __name__ == "__main__":
    main()
