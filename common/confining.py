"""Drops the privileges of a process before it opens untrusted files.

Measures that a system lacks are skipped: Windows has none of them, some containers forbid some.
"""

import contextlib
import ctypes
import os
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from common.system_calls import refuse_system_calls

_OPEN_FILES: Final = 64
_WATCH_SECONDS: Final = 0.25
_TOO_SLOW: Final = 152  # a shell's exit status for SIGXCPU
_OOM_SCORE: Final = b"900"  # of 1,000: killed before the bot and the engine
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_NO_NEW_PRIVILEGES: Final = 38
_PERTURB, _FILLING = -6, 0xA5
"""Overwrites freed memory: otherwise a reader that forgets to fill a picture would reveal another
user's file."""
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _BENEATH_PATH = 1, 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_LIBRARIES: Final = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
)


def child_environment() -> dict[str, str]:
    """The environment of such a process: paths and a locale, no secrets.

    It is also limited to one thread, as threads that exist already keep their privileges.
    """
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def leave_network() -> None:
    """Move to a network namespace without a network. Call it before any thread starts."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            _call(_library().unshare(_NEW_USER | _NEW_NETWORK))


def readable_modules() -> list[Path]:
    """Folders of this program's modules and its packages, without other files of ours."""
    root = Path(__file__).resolve().parents[1]
    packages = [Path(each) for each in sys.path if each and Path(each).resolve() != root]
    ours = [root / name for name in ("common", "bot")]
    return [*ours, *packages, Path(sys.prefix), Path(sys.base_prefix) / "lib"]


def confine(*, memory_bytes: int, folder: Path | None, readable: Iterable[Path]) -> None:
    """Limit memory, files and privileges of this process.

    Args:
        memory_bytes: Limit of the address space.
        folder: Working folder, which must not be readable either.
        readable: Folders that remain readable besides the system's libraries, for modules that are
            imported later.
    """
    if folder is not None:
        os.chdir(folder)
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (value, value))
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_bytes(_OOM_SCORE)
        library = _library()
        with contextlib.suppress(AttributeError):  # glibc only
            library.mallopt(_PERTURB, _FILLING)
        with contextlib.suppress(OSError):
            _call(library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        with contextlib.suppress(OSError):
            _only_read(library, [*readable, *(Path(each) for each in _LIBRARIES)])
        try:
            refuse_system_calls(library)
        except OSError:  # then no threads either, as this limit counts both
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


@contextlib.contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Kill this process with SIGPROF if the block takes more processor time; see `is_too_slow`.

    Windows has no such signal; there a thread checks the time.
    """
    if sys.platform == "win32":
        with _watched(seconds):
            yield
        return
    import signal  # noqa: PLC0415 - its timers are not on Windows

    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextlib.contextmanager
def _watched(seconds: float) -> Iterator[None]:
    """Exit with `_TOO_SLOW` if the block takes more processor time than this."""
    is_over = threading.Event()
    until = time.process_time() + seconds

    def watch() -> None:
        while not is_over.wait(_WATCH_SECONDS):
            if time.process_time() > until:
                os._exit(_TOO_SLOW)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def is_too_slow(returncode: int | None) -> bool:
    """Whether a child was killed for exceeding its processor time."""
    if sys.platform == "win32":
        return returncode == _TOO_SLOW
    import signal  # noqa: PLC0415 - not all of its names are on Windows

    return returncode in {-signal.SIGPROF, -signal.SIGXCPU}


def _only_read(library: ctypes.CDLL, places: Iterable[Path]) -> None:
    """Landlock: read these folders, and write, execute or connect to nothing."""
    version = library.syscall(_CREATE_RULESET, None, 0, _VERSION)
    _call(version)
    files = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}.get(version, 0xFFFF)
    rights = struct.pack("=Q", files)
    if version >= 4:
        rights += struct.pack("=Q", 0b11)  # TCP
    if version >= 6:
        rights += struct.pack("=Q", 0b11)  # signals and abstract sockets
    rules = library.syscall(_CREATE_RULESET, rights, len(rights), 0)
    _call(rules)
    try:
        for place in places:
            with contextlib.suppress(OSError):
                _allow_reading(library, rules, place)
        _call(library.syscall(_RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)


def _allow_reading(library: ctypes.CDLL, rules: int, place: Path) -> None:
    rights = _READ_FILE | (_READ_FOLDER if place.is_dir() else 0)
    if sys.platform == "linux":  # for who looks what others lack: it is called nowhere else
        at = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = struct.pack("=Qi", rights, at)
            _call(library.syscall(_ADD_RULE, rules, _BENEATH_PATH, rule, 0))
        finally:
            os.close(at)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused by the system")
