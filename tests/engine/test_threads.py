"""How the threads of a computation wait for each other."""

import pytest

from engine.threads import wait_briefly


@pytest.mark.parametrize(
    ("chosen", "turns"),
    [({}, "300"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_they_give_way_soon_unless_the_environment_says_otherwise(
    chosen: dict[str, str], turns: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = dict(chosen)
    monkeypatch.setattr("os.environ", environment)
    wait_briefly()
    assert environment.get("GOMP_SPINCOUNT") == turns
