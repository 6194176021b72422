"""Fixtures and hooks for all tests; the fast tests run first."""

import gc
import os
import sys
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.kit.databases", "tests.kit.forked"]

gc.disable()  # until all tests are imported: little of that is garbage

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests side by side share the cores: torch, here and in the engines started, takes one each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_bot_parts() -> Iterator[None]:
    """Share what each start of a bot would make again: decoders and translated commands."""
    # Imported here, as tests of the engine do not need them.
    from tests.kit.commands import cached_command_payloads  # noqa: PLC0415
    from tests.kit.decoders import shared_decoders  # noqa: PLC0415

    with shared_decoders(), cached_command_payloads():
        yield


def pytest_xdist_auto_num_workers() -> int:
    """Two processes more than there are cores, as tests mostly wait; four at most."""
    return min(4, (os.cpu_count() or 1) + 2)


def pytest_collection_finish() -> None:
    """Exclude imported modules from garbage collection: they live until the end.

    What tests leave behind is collected less often, as collecting takes long beside a short test.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_runtest_setup() -> None:
    """Seed torch, so that random numbers do not depend on the tests that ran before."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow tests last, and browser tests after them.

    With several processes, spread the slow tests, which mostly wait, among the fast ones.
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
