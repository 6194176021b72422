"""Fixtures and hooks for all tests; fast tests run first, so that mistakes show soon."""

import gc
import os
import sys
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.kit.databases", "tests.kit.forked"]

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests side by side share the cores: torch, here and in the engines started, takes one each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_bot_parts() -> Iterator[None]:
    """Make once per process what every bot needs at its start, if it starts in-process."""
    # Imported late: the tests of the engine do not need it.
    from tests.kit.commands import cached_command_payloads  # noqa: PLC0415
    from tests.kit.decoders import shared_decoders  # noqa: PLC0415

    with shared_decoders(), cached_command_payloads():
        yield


def pytest_xdist_auto_num_workers() -> int:
    """Two processes more than there are cores, as tests mostly wait; four at most."""
    return min(4, (os.cpu_count() or 1) + 2)


def pytest_collection_finish() -> None:
    """Exclude everything imported so far from garbage collection, which would scan it each time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup() -> None:
    """Seed torch, so that random numbers do not depend on earlier tests of the process."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests last, and those that drive a browser behind them.

    Side by side the slow ones, which mostly wait, are spread among the others, which compute.
    """
    browser = [item for item in items if item.get_closest_marker("browser")]
    slow = [item for item in items if item.get_closest_marker("slow") and item not in browser]
    last = {*browser, *slow}
    fast = [item for item in items if item not in last]
    if "PYTEST_XDIST_WORKER" in os.environ:
        for number, item in enumerate(slow):
            fast.insert(number + number * (len(fast) - number) // len(slow), item)
        slow = []
    items[:] = [*fast, *slow, *browser]
