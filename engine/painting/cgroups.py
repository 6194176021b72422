"""The memory that Linux allows a container or a service, which may be less than is free."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_SYSTEM = Path("/sys/fs/cgroup")
_GROUPS = Path("/proc/self/cgroup")
# Of the unified hierarchy and of the one before: the limit, the use, and what of it is a cache.
_NAMES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def allowed_bytes(system: Path = _SYSTEM, groups: Path = _GROUPS) -> int | None:
    """Bytes that this process may still take; None where nothing limits them.

    Args:
        system: where the kernel shows the groups.
        groups: says in which ones the process is.
    """
    return min((limit - used for limit, used in _counts(system, groups)), default=None)


def limit_bytes(system: Path = _SYSTEM, groups: Path = _GROUPS) -> int | None:
    """Bytes that this process and all beside it may take together; None where nothing limits them.

    Args:
        system: where the kernel shows the groups.
        groups: says in which ones the process is.
    """
    return min((limit for limit, _ in _counts(system, groups)), default=None)


def _counts(system: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """Of each group that is limited, the limit and what is in use of it."""
    for folder in _folders(system, groups):
        if (found := _count(folder)) is not None:
            yield found


def _folders(system: Path, groups: Path) -> Iterator[Path]:
    """The process' groups and all above them; each limits those below."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, inner = rest.partition(":")
        if controllers not in {"", "memory"}:
            continue
        top = system / controllers
        here = top / inner.strip("/")
        yield from (here, *(one for one in here.parents if one.is_relative_to(top)))


def _count(folder: Path) -> tuple[int, int] | None:
    for limit, use, cache in _NAMES:
        with contextlib.suppress(OSError, ValueError):
            most, used = int((folder / limit).read_text()), int((folder / use).read_text())
            return most, min(most, used - _counted(folder / "memory.stat", cache))
    return None


def _counted(file: Path, name: str) -> int:
    """Of the caches that are given back when memory is wanted."""
    with contextlib.suppress(OSError, ValueError):
        counts = dict(line.split() for line in file.read_text().splitlines())
        return int(counts.get(name, 0))
    return 0
