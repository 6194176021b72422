"""`python -m bench against COMMIT`: measures two trees in turns, and tabulates ratios."""

import json
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from bench.__main__ import main
from bench.against.command import earlier_rows
from bench.against.measuring import Row, in_turns, kept_rows, row_cells, spread
from bench.against.trees import Tree, run_in
from bench.runner import ROOT, BenchError
from tools.checkouts import checked_out

OLD, NEW = Tree("old", Path("/old")), Tree("new", Path("/new"))


def test_a_target_is_met_by_the_medians_not_by_the_best_round() -> None:
    row = Row("x", "s", (10.0, 10.0, 10.0), (4.0, 6.0, 7.0), most_ratio=0.5)
    assert row.ratio == 0.6
    assert row.kept is False
    assert Row("x", "s", (10.0,), (5.0,), most_ratio=0.5).kept is True


def test_row_with_two_targets_must_meet_both() -> None:
    assert Row("x", "MiB", (10.0,), (5.0,), most_ratio=0.5, most=4.0).kept is False
    assert Row("x", "MiB", (10.0,), (5.0,), most_ratio=0.5, most=6.0).kept is True


def test_row_without_a_target_or_figures_has_no_verdict() -> None:
    assert Row("x", "s", (10.0,), (5.0,)).kept is None
    assert Row("x", "s", (10.0,), (), most_ratio=0.5).kept is None
    assert row_cells(Row("x", "s", (), (), most=1.0)) == ("x, s", "–", "–", "–", "1 s", "", "")


def test_spread_is_shown_only_for_several_rounds() -> None:
    assert spread((0.5,)) == "0.500"
    assert spread((1.0, 3.0, 2.0)) == "2.00 (1.00 to 3.00)"
    assert spread((500.0, 700.0)) == "600 (500 to 700)"


def test_rows_not_measured_again_are_kept_in_part_order() -> None:
    earlier = [Row(name, "s", (2.0,), (1.0,), part=name, commit="old") for name in ("a", "b", "c")]
    now = [Row("b", "s", (2.0,), (0.5,), part="b", commit="new", load=3.2)]
    kept = kept_rows(earlier, now, ("a", "b", "c"))
    assert [(row.part, row.commit) for row in kept] == [("a", "old"), ("b", "new"), ("c", "old")]
    assert row_cells(kept[1])[-1] == "new, 3"


def test_earlier_results_are_found_by_an_abbreviated_commit(tmp_path: Path) -> None:
    row = {"name": "a", "unit": "s", "old": [2.0], "new": [1.0], "part": "a"}
    file = tmp_path / "against.json"
    file.write_text(json.dumps({"machine": {"cores": 2}, "old": "2f6707f", "rows": [row]}))
    found = earlier_rows(file, {"cores": 2}, "2f6707f800c8")
    assert found == [Row("a", "s", (2.0,), (1.0,), part="a")]
    assert earlier_rows(file, {"cores": 4}, "2f6707f800c8") == []
    assert earlier_rows(file, {"cores": 2}, "484b0b2d13a6") == []


def test_tree_order_alternates_between_rounds() -> None:
    order = []

    def measure(tree: Tree) -> dict[str, float]:
        order.append(tree.name)
        return {"seconds": float(len(order))}

    found = in_turns((OLD, NEW), 2, measure)
    assert order == ["old", "new", "new", "old"]
    assert found == {"seconds": ((1.0, 4.0), (2.0, 3.0))}


def test_command_runs_the_code_of_its_own_tree(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("print('mine'); x = bytearray(50 << 20)")
    ran = run_in(Tree("new", tmp_path), ["-m", "module"], threads=1, environment={})
    assert ran.output == "mine\n"
    assert 50 << 20 < ran.peak_bytes < 500 << 20
    assert 0 < ran.processor_seconds < 60


def test_failing_command_reports_its_reason_and_tree(tmp_path: Path) -> None:
    code = ["-c", "raise SystemExit('no reason')"]
    with pytest.raises(BenchError, match=r"failed in old: .*no reason"):
        run_in(Tree("old", tmp_path), code, threads=1, environment={})


def test_checkout_of_the_old_code_is_removed_afterwards() -> None:
    with checked_out("HEAD") as tree:
        assert (tree / "bench" / "__main__.py").is_file()
    assert not tree.exists()
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "worktree", "list"], capture_output=True, text=True, check=True
    )
    assert str(tree) not in listed.stdout


def test_unknown_commit_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file := tmp_path / "file").touch()
    files = [f"{option}={file}" for option in ("--weights", "--content", "--style")]
    assert main(["against", "no-such-commit", "--quick", *files]) == 2
    assert "no-such-commit" in capsys.readouterr().err


def test_iterate_script_reports_marks_and_previews(tmp_path: Path) -> None:
    """Run in this tree only, as trees differ only in the path, which is tested above."""
    picture = tmp_path / "picture.png"
    Image.effect_noise((96, 64), 80).convert("RGB").save(picture)
    task = {
        "threads": 1,
        "content": str(picture),
        "style": str(picture),
        "out": str(tmp_path / "out.png"),
        "previews": str(tmp_path / "preview"),
        "previews_within_seconds": 60,
        "shown_size": [96, 64],
        "options": {"network": "lite", "size_px": 64, "scales": 1, "iterations": 8},
    }
    script = ROOT / "bench" / "against" / "children" / "iterate.py"
    ran = run_in(
        Tree("new", ROOT), ["-P", script], threads=1, environment={}, stdin=json.dumps(task)
    )
    found = json.loads(ran.output.strip().splitlines()[-1])
    assert [mark[0] for mark in found["marks"]] == list(range(1, 10))
    assert len(found["shown"]) == 2
    assert (tmp_path / "out.png").is_file()
