"""For all tests: fast ones first, so that a mistake shows soon."""

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
    """Make what is the same in each start of a bot once, for tests that start one in-process."""
    # Not needed by the tests of the engine.
    from tests.kit.commands import cached_command_payloads  # noqa: PLC0415
    from tests.kit.decoders import shared_decoders  # noqa: PLC0415

    with shared_decoders(), cached_command_payloads():
        yield


def pytest_xdist_auto_num_workers() -> int:
    """Two processes more than there are cores, as tests mostly wait; four at most."""
    return min(4, (os.cpu_count() or 1) + 2)


def pytest_collection_finish() -> None:
    """What all tests imported stays: it is not to be looked through for garbage each time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup() -> None:
    """What a test draws by chance does not hang on which tests its process ran before."""
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
