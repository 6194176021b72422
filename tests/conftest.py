"""For all tests: fast ones first, so that a mistake shows soon."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests last, and those that drive a browser behind them."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("browser") is not None,
            item.get_closest_marker("slow") is not None,
        )
    )
