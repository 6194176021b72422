"""Memory limits of Linux control groups, for containers and services."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_SYSTEM = Path("/sys/fs/cgroup")
_GROUPS = Path("/proc/self/cgroup")
# In cgroup v2 and v1: the limit, the usage, and the part of it that is page cache.
_NAMES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def allowed_bytes(system: Path = _SYSTEM, groups: Path = _GROUPS) -> int | None:
    """Bytes that this process may still allocate; None if there is no limit.

    Args:
        system: where the kernel shows the groups.
        groups: says in which ones the process is.
    """
    return min((limit - used for limit, used in _counts(system, groups)), default=None)


def limit_bytes(system: Path = _SYSTEM, groups: Path = _GROUPS) -> int | None:
    """The limit of this process and all others in its groups; None if there is none.

    Args:
        system: where the kernel shows the groups.
        groups: says in which ones the process is.
    """
    return min((limit for limit, _ in _counts(system, groups)), default=None)


def _counts(system: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """Limit and usage of each group that has a limit."""
    for folder in _folders(system, groups):
        if (found := _count(folder)) is not None:
            yield found


def _folders(system: Path, groups: Path) -> Iterator[Path]:
    """Folders of the process' groups and of their ancestors, whose limits hold as well."""
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
    """Bytes of the page cache, which is reclaimed when memory is needed."""
    with contextlib.suppress(OSError, ValueError):
        counts = dict(line.split() for line in file.read_text().splitlines())
        return int(counts.get(name, 0))
    return 0
