"""The table of limits: each row says all that those who read it need."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from common.limits import LIMITS, Limits
from common.settings_loading import load_settings
from jobs.submission.limits import Rules, changes_from_json, loosened, tightened

OPERATORS = [name for name, limit in LIMITS.items() if limit.setting]


def test_operator_limits_come_from_the_settings() -> None:
    assert load_settings(_env_file=None).limits == Limits()
    settings = load_settings(_env_file=None, atelier_max_per_day=7, atelier_max_quality="draft")
    assert settings.limits == Limits(max_per_day=7, max_quality="draft")


@pytest.mark.parametrize("name", OPERATORS)
def test_server_can_only_tighten_the_operators_limit(name: str) -> None:
    limit = LIMITS[name]
    values: tuple[Any, Any] = ("draft", "fine") if name == "max_quality" else (100, 200)
    low, high = values
    strict, loose = (low, high) if limit.stricter == "lower" else (high, low)
    operator, generous = (replace(Limits(), **{name: value}) for value in (strict, loose))
    refused = loosened(operator, {name: loose})
    assert refused is not None
    assert (refused.limit, refused.operator_value, refused.asked) == (name, strict, loose)
    assert tightened(operator, {name: loose}) == operator
    assert loosened(generous, {name: strict}) is None
    assert getattr(tightened(generous, {name: strict}), name) == strict


@pytest.mark.parametrize("name", [name for name in LIMITS if LIMITS[name].least is not None])
def test_limit_below_its_minimum_is_rejected(name: str) -> None:
    least = LIMITS[name].least
    assert least is not None
    assert LIMITS[name].checked(least) == least
    with pytest.raises(ValidationError):
        LIMITS[name].checked(least - 1)


def test_exempt_roles_escape_only_the_painting_limits() -> None:
    server = Limits(
        max_size_px=128,
        max_quality="draft",
        cooldown_seconds=60,
        retention_days=2,
        exempt_role_ids=(7,),
        channel_ids=(1,),
    )
    free = Rules(Limits(), server).for_roles((7,))
    assert (free.max_size_px, free.max_quality, free.cooldown_seconds) == (2048, "fine", 0)
    assert (free.retention_days, free.channel_ids) == (2, (1,))
    assert Rules(Limits(), server).for_roles((8,)) == server


def test_limits_stored_by_version_0_1_are_read() -> None:
    stored = (
        '{"max_size_px":512,"max_quality":"draft","cooldown_seconds":90000,'
        '"painter_role_ids":[11,12],"channel_ids":[77],"log_channel_id":3}'
    )
    assert changes_from_json(stored) == {
        "max_size_px": 512,
        "max_quality": "draft",
        "cooldown_seconds": 90000,
        "painter_role_ids": (11, 12),
        "channel_ids": (77,),
        "log_channel_id": 3,
    }
