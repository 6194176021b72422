"""The table of paint options, and the command line made from it."""

import argparse

import pytest
from pydantic import ValidationError

from common.options import OPTIONS, Option, PaintOptions, network_for
from engine import arguments
from engine.arguments import make_parser, options_of

BOUNDED = [name for name, option in OPTIONS.items() if option.most is not None]


@pytest.mark.parametrize("name", BOUNDED)
def test_option_bounds_are_enforced(name: str) -> None:
    option = OPTIONS[name]
    assert option.least is not None
    assert option.most is not None
    for value in (option.least, option.most):
        assert getattr(PaintOptions.model_validate({name: value}), name) == value
    for value in (option.least - 1, option.most + 1):
        with pytest.raises(ValidationError):
            PaintOptions.model_validate({name: value})


def test_the_command_line_has_a_flag_for_every_option_of_one_picture() -> None:
    values = vars(make_parser().parse_args(["a.png", "-o", "b.png"]))
    renamed = {"start": "init", "timelapse_format": "timelapse"}
    multi_picture_options = {"variants", "vary", "softest"}
    assert {
        renamed.get(name, name) for name in OPTIONS if name not in multi_picture_options
    } <= values.keys()
    assert options_of(make_parser().parse_args(["a.png", "-o", "b.png"])) == PaintOptions()


def test_boolean_option_becomes_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "OPTIONS", {"grey": Option("In greys.", bool)})
    parser = argparse.ArgumentParser()
    arguments._add_option(parser, "grey")
    values = [parser.parse_args(flags).grey for flags in (["--grey"], ["--no-grey"], [])]
    assert values == [True, False, None]


@pytest.mark.parametrize(
    ("options", "setting", "network"),
    [
        ({}, "auto", "vgg19"),
        ({"quality": "fine"}, "auto", "vgg19"),
        ({"quality": "draft"}, "auto", "lite"),
        ({"quality": "draft", "network": "vgg19"}, "auto", "vgg19"),
        ({"quality": "draft"}, "vgg19", "vgg19"),
        ({"network": "vgg19"}, "lite", "vgg19"),
        ({}, "lite", "lite"),
        ({"quality": "draft", "recipe": "gatys"}, "auto", "vgg19"),
        ({"quality": "draft", "style_layers": {"relu1_1": 1.0}}, "auto", "vgg19"),
        ({"quality": "draft", "content_layers": {"relu4_2": 1.0}}, "auto", "vgg19"),
    ],
)
def test_drafts_use_lite_unless_options_or_settings_need_vgg19(
    options: dict[str, object], setting: str, network: str
) -> None:
    assert network_for(PaintOptions.model_validate(options), setting) == network
