"""`python -m engine --check`, which the bot runs at its start."""

from pathlib import Path

import pytest

from engine.worker.main import main


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ATELIER_DEVICE", "cuda:77", "no device 'cuda:77'"),
        ("ATELIER_VGG19_WEIGHTS", "nowhere.pth", "nowhere.pth"),
    ],
)
def test_check_reports_unusable_settings_in_one_line(
    name: str,
    value: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    assert main(["--check"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
