"""How OpenMP's threads wait for each other, in the programs that paint.

torch splits each small operation among its threads. By default GNU OpenMP lets a thread that is
ready spin for milliseconds while it waits for the others. If another program occupies one of the
cores, the thread that the others wait for needs the very core on which one of them spins.
"""

import os

_SPIN_COUNT = "300"
"""The library's default is 300,000. Spinning briefly is a little slower on an idle machine, and far
faster where other programs compute."""


def wait_briefly() -> None:
    """Limit the spinning; to be called before torch is imported. The environment has precedence."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
