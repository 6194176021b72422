"""Benchmarks of the bot: their tables, and whole runs."""

import json
from pathlib import Path

import pytest

from bench import bot_load, bot_outage
from bench.bot_load import LoadResult, load_text
from bench.bot_outage import DeliveredPicture, Outage, outage_text

MIB = 2**20


def test_load_tables_show_percentiles_and_memory() -> None:
    load = LoadResult(
        at_once=2,
        rounds=2,
        file_bytes=MIB,
        acknowledged_seconds=[0.1, 0.2, 0.3, 0.4],
        shown_seconds=[1.0, 2.0, 3.0, 4.0],
        before_bytes=100 * MIB,
        most_bytes=130 * MIB,
        after_bytes=110 * MIB,
        children_bytes=200 * MIB,
        has_torch=False,
    )
    text = load_text(load)
    assert "| acknowledged, ms | 200 | 400 | 400 | 400 |" in text
    assert "| place shown, ms | 2000 | 4000 | 4000 | 4000 |" in text
    assert "| at its most (bar: 150) | 130 |" in text
    assert "torch is not loaded in it" in text


def test_outage_table_lists_each_delivered_picture() -> None:
    shown = [
        DeliveredPicture("ada", 3.25, 1, last_word=True),
        DeliveredPicture("grace", 4.0, 2, last_word=False),
    ]
    text = outage_text(Outage(600.0, 12, shown))
    assert "after an outage of 10 min" in text
    assert "| ada | 3.2 | 1 | yes |" in text
    assert "| grace | 4.0 | 2 | no |" in text


@pytest.mark.slow
def test_a_real_bot_is_measured_under_load(tmp_path: Path) -> None:
    bot_load.main(["--at-once", "3", "--rounds", "1", "--side", "200", "--out", str(tmp_path)])
    load = json.loads((tmp_path / "bot_load.json").read_text())["bot_load"]
    assert len(load["acknowledged_seconds"]) == len(load["shown_seconds"]) == 3
    assert not load["has_torch"]
    assert "no figure here counts" in (tmp_path / "bot_load.md").read_text()


@pytest.mark.slow
def test_a_real_bot_shows_each_picture_once_after_an_outage(tmp_path: Path) -> None:
    bot_outage.main(["--minutes", "0.1", "--size", "256", "--out", str(tmp_path)])
    outage = json.loads((tmp_path / "bot_outage.json").read_text())["bot_outage"]
    assert [(picture["times"], picture["last_word"]) for picture in outage["pictures"]] == [
        (1, True)
    ] * 2
    assert "no figure here counts" in (tmp_path / "bot_outage.md").read_text()
