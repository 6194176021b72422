"""How long waiting OpenMP threads spin."""

import pytest

from engine.threads import wait_briefly


@pytest.mark.parametrize(
    ("variables", "spin_count"),
    [({}, "300"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_threads_spin_briefly_unless_the_environment_says_otherwise(
    variables: dict[str, str], spin_count: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = dict(variables)
    monkeypatch.setattr("os.environ", environment)
    wait_briefly()
    assert environment.get("GOMP_SPINCOUNT") == spin_count
