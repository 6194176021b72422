from pathlib import Path

import pytest

from common import crashes


def test_three_ends_within_ten_minutes_are_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr("common.crashes.time.time", lambda: now)
    crashes.note(tmp_path, "bot")
    now += 200
    crashes.note(tmp_path, "bot")
    assert crashes.loops(tmp_path) == []
    now += 200
    crashes.note(tmp_path, "bot")
    crashes.note(tmp_path, "engine on cpu")
    assert crashes.loops(tmp_path) == ["bot"]
    now += crashes.WINDOW_SECONDS - 300
    assert crashes.loops(tmp_path) == []


def test_an_end_in_order_takes_the_ends_before_back(tmp_path: Path) -> None:
    for _ in range(3):
        crashes.note(tmp_path, "bot")
    crashes.take_back(tmp_path, "bot")
    assert crashes.loops(tmp_path) == []


def test_an_end_that_is_yet_to_come_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was put back, and would be in the window of those ends for a day."""
    now = 1_800_000_000.0
    monkeypatch.setattr("common.crashes.time.time", lambda: now)
    for _ in range(3):
        crashes.note(tmp_path, "bot")
    now -= 86_400
    assert crashes.loops(tmp_path) == []


@pytest.mark.parametrize("text", ["", "[]", '{"bot": 3}', '{"bot": ["x"]}', "\x00"])
def test_a_file_that_says_nothing_sensible_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / crashes.FILE).write_text(text)
    assert crashes.loops(tmp_path) == []
    crashes.note(tmp_path, "bot")
    assert (tmp_path / crashes.FILE).read_text().startswith('{"bot": [')
