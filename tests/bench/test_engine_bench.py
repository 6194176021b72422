import json
from pathlib import Path

import pytest
from PIL import Image

from bench.__main__ import main
from bench.children.atelier import _paint
from bench.plots import plot_judged_runs, plot_sizes
from bench.report import machine_text, paces_text, quality_text, speed_text, table, write
from bench.rivals import NEURAL_STYLE, OURS, JudgedPicture, JudgedRun, Pace, reached
from bench.runner import BenchError, Setup
from bench.speed import Case, Measured, cases, paces
from common.options import PaintOptions
from tests.kit.thin import noise_picture, thin_studio

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


def course(name: str, setting: str, distances: list[float]) -> JudgedRun:
    points = [
        JudgedPicture(
            10 * (number + 1),
            5.0 * (number + 1),
            9.0 * (number + 1),
            {
                "style_distance": distance,
                "content_distance": 1 - distance,
                "cfsd": 0.5,
                "grain": 0.4,
                "foreign_colors": 0.01,
            },
        )
        for number, distance in enumerate(distances)
    ]
    return JudgedRun(name, setting, points)


COURSES = [
    course("Atelier", "standard", [0.5, 0.3, 0.2]),
    course(NEURAL_STYLE, "lbfgs", [0.9, 0.6, 0.5, 0.4, 0.35, 0.31]),
    course("Atelier", "draft", [0.7]),
]
MEASURED = [
    Measured(Case("size", "untiled", 256), 256, 192, 1, 0.2, 0.4, 7 * 2**20),
    Measured(Case("size", "tiles of 512 px", 1024), 1024, 768, 4, 4.0, 8.0, 9 * 2**20),
    Measured(Case("precision", "bf16", 512), 512, 384, 1, 0.6, 1.2, 8 * 2**20),
]


def test_the_pace_leaves_out_the_first_and_the_end() -> None:
    marks = [(0, 0.0, 0.0), (1, 10.0, 20.0), (2, 11.0, 22.0), (3, 12.0, 24.0), (4, 13.0, 26.0)]
    assert paces([*marks, (5, 99.0, 99.0)]) == (1.0, 2.0)
    with pytest.raises(BenchError, match="Too few"):
        paces(marks[:2])


def test_what_is_reached_is_the_first_near_enough() -> None:
    first = reached(COURSES[0], 0.31)
    assert first is not None
    assert first.iteration == 20
    assert reached(COURSES[2], 0.31) is None


def test_tables_tell_the_ratios() -> None:
    text = paces_text([Pace(OURS, 0.5, 1.0, 2**20), Pace("other", 1.5, 2.5, 2**21)])
    assert "| other | 1.500 | 3.00 | 2.500 | 2.50 | 2 |" in text
    text = quality_text(COURSES)
    assert "ends at a style distance of 0.310 after 30 s" in text
    assert "| Atelier, standard | 10.0 | 0.333 | 18.0 | 0.333 |" in text
    assert "| Atelier, draft | not reached (0.700) |" in text
    assert "| untiled | 256 × 192 | 1 | 0.200 | 0.400 | 7 |" in speed_text(MEASURED)
    assert table(("", "a"), [("b", "1")]) == "|  | a |\n|:--|--:|\n| b | 1 |\n"


def test_a_quick_run_says_that_it_does_not_count() -> None:
    assert "no figure here counts" in machine_text(MACHINE, quick=True)
    assert "counts" not in machine_text(MACHINE, quick=False)
    assert "busy" not in machine_text(MACHINE, quick=False, load=2.0)
    assert "load average 9" in machine_text(MACHINE, quick=False, load=9.1)


def test_figures_are_written_as_text_json_and_plots(tmp_path: Path) -> None:
    write(tmp_path / "out" / "cpu.md", "Title", ["a\n"], {"judged_runs": COURSES, "n": MEASURED})
    assert (tmp_path / "out" / "cpu.md").read_text().startswith("# Title\n")
    figures = json.loads((tmp_path / "out" / "cpu.json").read_text())
    assert figures["judged_runs"][0]["points"][0]["iteration"] == 10
    plot_sizes(MEASURED, tmp_path)
    plot_judged_runs(COURSES, tmp_path)
    for name in ("sizes.png", "quality.png"):
        with Image.open(tmp_path / name) as image:
            assert image.width > 500


@pytest.mark.parametrize("quick", [True, False])
def test_all_cases_are_options_that_exist(quick: bool) -> None:
    for case in cases(quick=quick):
        PaintOptions(size_px=case.size_px, **case.options)


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--weights", str(tmp_path / "none.safetensors"), "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert "name one with --weights" in capsys.readouterr().err


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    file = tmp_path / "none"
    setup = Setup(file, file, file, tmp_path, tmp_path, 1, 512, 1, 64, quick=True)
    with pytest.raises(BenchError, match="judge failed"):
        setup.child("judge", pictures=["a.png"])


def test_what_our_engine_notes_can_be_written_down(tmp_path: Path) -> None:
    noise_picture(48, 64).to_image().save(tmp_path / "a.png")
    file = str(tmp_path / "a.png")
    options = {"size_px": 64, "scales": 1, "iterations": 1}
    task = {"content": file, "style": file, "options": options}
    made = json.loads(json.dumps(_paint(task, thin_studio(max_memory_bytes=1))))
    assert "more memory" in made["notes"][0]
