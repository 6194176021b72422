import json
from pathlib import Path

import pytest

from bench.queue_latency import Latency, latency_text, main, percentile


def test_percentiles_are_actual_values() -> None:
    values = [float(number) for number in range(200, 0, -1)]
    assert [percentile(values, part) for part in (0.5, 0.9, 0.99, 1.0)] == [100, 180, 198, 200]
    assert percentile([7.0], 0.5) == 7.0


def test_latency_tables_show_percentiles_and_idle_figures() -> None:
    text = latency_text([Latency("SQLite", [10.0, 31.0], [30.0, 52.0], 34.2, 9.0, None)])
    assert "| SQLite, from queued | 2 | 10 | 31 | 31 | 31 |" in text
    assert "| SQLite, its submission included | 2 | 30 | 52 | 52 | 52 |" in text
    assert "| SQLite | 34.2 | 9.0 |  |" in text


@pytest.mark.slow
def test_a_real_engine_is_measured(tmp_path: Path) -> None:
    main(["--jobs", "2", "--idle", "1", "--out", str(tmp_path)])
    figures = json.loads((tmp_path / "queue_latency.json").read_text())
    for row in figures["queue_latency"]:
        assert len(row["queued_ms"]) == 2
    assert figures["queue_latency"][0]["idle_statements"] > 0  # SQLite is polled
    assert "no figure here counts" in (tmp_path / "queue_latency.md").read_text()
