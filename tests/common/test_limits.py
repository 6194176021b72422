"""The table of limits, and how an operator's and a server's limits combine."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from common.limits import LIMITS, Limits
from common.settings_loading import load_settings
from jobs.submission.limits import Rules, changes_from_json, loosened, tightened

OPERATOR_LIMITS = [name for name, limit in LIMITS.items() if limit.setting]


def test_operator_limits_come_from_the_settings() -> None:
    assert load_settings(_env_file=None).limits == Limits()
    settings = load_settings(_env_file=None, atelier_max_per_day=7, atelier_max_quality="draft")
    assert settings.limits == Limits(max_per_day=7, max_quality="draft")


@pytest.mark.parametrize("name", OPERATOR_LIMITS)
def test_server_can_only_tighten_the_operators_limit(name: str) -> None:
    limit = LIMITS[name]
    values: tuple[Any, Any] = ("draft", "fine") if name == "max_quality" else (100, 200)
    low, high = values
    strict, loose = (low, high) if limit.stricter == "lower" else (high, low)
    operator, loose_operator = (replace(Limits(), **{name: value}) for value in (strict, loose))
    refused = loosened(operator, {name: loose})
    assert refused is not None
    assert (refused.limit, refused.operator_value, refused.asked) == (name, strict, loose)
    assert tightened(operator, {name: loose}) == operator
    assert loosened(loose_operator, {name: strict}) is None
    assert getattr(tightened(loose_operator, {name: strict}), name) == strict


@pytest.mark.parametrize("name", [name for name in LIMITS if LIMITS[name].least is not None])
def test_limit_below_its_minimum_is_rejected(name: str) -> None:
    minimum = LIMITS[name].least
    assert minimum is not None
    assert LIMITS[name].checked(minimum) == minimum
    with pytest.raises(ValidationError):
        LIMITS[name].checked(minimum - 1)


def test_exempt_roles_escape_only_the_painting_limits() -> None:
    server = Limits(
        max_size_px=128,
        max_quality="draft",
        cooldown_seconds=60,
        retention_days=2,
        exempt_role_ids=(7,),
        channel_ids=(1,),
    )
    exempt = Rules(Limits(), server).for_roles((7,))
    assert (exempt.max_size_px, exempt.max_quality, exempt.cooldown_seconds) == (2048, "fine", 0)
    assert (exempt.retention_days, exempt.channel_ids) == (2, (1,))
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
