"""Advice for mistyped arguments of `engine paint`, also for those of other programs."""

import pytest

from engine.arguments import make_parser, options_of
from engine.painting import PaintSettingsError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("a.jpg", "b.jpg"),
            "One photo is painted at a time, and each style",
        ),
        (("a.jpg", "--style", "s.jpg", "t.jpg", "u.jpg"), "; unexpected: t.jpg (and 1 more)."),
        (
            ("a.jpg", "--style-weights", "0.7", "0.3"),
            "need commas between them, and no spaces; unexpected: 0.3",
        ),
        (("a.jpg", "b.jpg", "--sizze", "64"), "Is --size meant?"),
        (("a.jpg", "-output_image", "out.png"), "(flags of whole words have two dashes)"),
    ],
)
def test_mistyped_arguments_fail_with_one_line_of_advice(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        make_parser().parse_args(arguments)
    assert exit_info.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_impossible_value_is_refused_naming_its_flag() -> None:
    for flag in ("--init-noise", "--tile", "--style-scale"):
        with pytest.raises(PaintSettingsError, match=rf" {flag[2:]}: "):
            options_of(make_parser().parse_args(["a.jpg", flag, "9999999"]))


def test_every_flag_has_help_worded_for_the_shell() -> None:
    parser = make_parser()
    assert [action.dest for action in parser._actions if not action.help] == []
    assert "I ask you" not in " ".join(parser.format_help().split())
