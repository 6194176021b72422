import json
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.against.painting import pace
from bench.report import machine_text, table, write
from bench.runner import BenchError, Setup

MACHINE = {
    "processor": "Some CPU",
    "cores": 2,
    "memory_gib": 23.5,
    "avx512_bf16": True,
    "amx_bf16": False,
    "threads": 2,
    "torch": "2",
    "python": "3",
    "system": "Linux",
}


def test_pace_ignores_the_first_and_last_marks() -> None:
    marks = [(0, 0.0, 0.0), (1, 10.0, 20.0), (2, 11.0, 22.0), (3, 12.0, 24.0), (4, 13.0, 26.0)]
    assert pace([*marks, (5, 99.0, 99.0)]) == 2.0
    with pytest.raises(BenchError, match="Too few"):
        pace(marks[:2])


def test_quick_run_says_its_figures_do_not_count() -> None:
    assert "no figure here counts" in machine_text(MACHINE, quick=True)
    assert "counts" not in machine_text(MACHINE, quick=False)
    assert "busy" not in machine_text(MACHINE, quick=False, load=2.0)
    assert "load average 9" in machine_text(MACHINE, quick=False, load=9.1)


def test_figures_are_written_as_text_and_json(tmp_path: Path) -> None:
    rows = table(("", "a"), [("b", "1")])
    assert rows == "|  | a |\n|:--|--:|\n| b | 1 |\n"
    write(tmp_path / "out" / "cpu.md", "Title", [rows], {"n": 1})
    assert (tmp_path / "out" / "cpu.md").read_text().startswith("# Title\n")
    assert json.loads((tmp_path / "out" / "cpu.json").read_text()) == {"n": 1}


def test_missing_weights_file_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["gpu", "--weights", str(tmp_path / "none.safetensors"), "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert "name one with --weights" in capsys.readouterr().err


def test_failing_bench_child_is_reported_by_name(tmp_path: Path) -> None:
    file = tmp_path / "none"
    setup = Setup(file, file, tmp_path, tmp_path, weights=file)
    with pytest.raises(BenchError, match=r"nobody failed: .*No module named"):
        setup.child("nobody")
