from pathlib import Path

import pytest

from common import crashes


def test_three_crashes_within_ten_minutes_are_a_loop(
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


def test_clean_exit_clears_earlier_crashes(tmp_path: Path) -> None:
    for _ in range(3):
        crashes.note(tmp_path, "bot")
    crashes.take_back(tmp_path, "bot")
    assert crashes.loops(tmp_path) == []


def test_crashes_dated_in_the_future_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the clock was set back by a day, they would count for that long."""
    now = 1_800_000_000.0
    monkeypatch.setattr("common.crashes.time.time", lambda: now)
    for _ in range(3):
        crashes.note(tmp_path, "bot")
    now -= 86_400
    assert crashes.loops(tmp_path) == []


@pytest.mark.parametrize("text", ["", "[]", '{"bot": 3}', '{"bot": ["x"]}', "\x00"])
def test_malformed_crash_file_is_treated_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / crashes.FILE).write_text(text)
    assert crashes.loops(tmp_path) == []
    crashes.note(tmp_path, "bot")
    assert (tmp_path / crashes.FILE).read_text().startswith('{"bot": [')
