"""How the threads of a computation wait for each other, in the programs that paint.

torch divides each small piece of work among its threads, and GNU's OpenMP lets whoever is ready
first go round in a loop for the others, for milliseconds. Where another program has one of the
processors, that one waits for the very processor that the loop takes.
"""

import os

_TURNS = "300"
"""About ten microseconds. With lite on two processors that nobody else uses, an iteration takes a
fifth longer than with the library's own 300,000 turns; where others compute, a whole painting takes
7 s rather than 39."""


def wait_briefly() -> None:
    """Call before torch is imported; what is set in the environment stays."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _TURNS)
