import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.painting import lbfgs
from engine.painting.lbfgs import LbfgsSettings, LbfgsState
from engine.painting.optimizers import Lbfgs

Function = Callable[[Tensor], Tensor]
EXACT = LbfgsSettings(history=10, slack=0.0)


def run(
    function: Function,
    start: Tensor,
    settings: LbfgsSettings,
    steps: int,
    state: LbfgsState | None = None,
) -> tuple[LbfgsState, list[float]]:
    """Run L-BFGS; returns the state and the losses at the tried points."""
    state = state or lbfgs.begin(start, settings)
    losses = []
    for _ in range(steps):
        trial = state.trial.clone().requires_grad_()
        loss = function(trial)
        (gradient,) = torch.autograd.grad(loss, trial)
        losses.append(float(loss.detach()))
        state = lbfgs.advance(state, loss, gradient, settings)
    return state, losses


def torch_loss(function: Function, start: Tensor, steps: int, **settings: Any) -> float:
    point = start.clone().requires_grad_()
    optimizer: Any = torch.optim.LBFGS([point], max_iter=1, **settings)
    for _ in range(steps):
        optimizer.zero_grad()

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = function(point)
            torch.autograd.backward(loss)
            return loss

        optimizer.step(closure)
    return float(function(point).detach())


def quadratic(condition: float = 1e3) -> Function:
    size = 40
    generator = torch.Generator().manual_seed(5)
    rotation, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    scales = torch.logspace(0, math.log10(condition), size, dtype=torch.float64)
    matrix = rotation @ torch.diag(scales) @ rotation.T
    goal = torch.randn(size, generator=generator, dtype=torch.float64)
    return lambda x: 0.5 * (x - goal) @ matrix @ (x - goal)


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def test_quadratic_is_minimized_as_fast_as_by_torch() -> None:
    function, start = quadratic(), torch.zeros(40, dtype=torch.float64)
    state, losses = run(function, start, EXACT, 200)
    assert float(state.loss) < 1e-7 * losses[0]
    assert float(state.loss) <= 10 * torch_loss(function, start, 200, history_size=10)
    assert losses[0] == pytest.approx(float(function(start)))


def test_rosenbrock_function_is_minimized() -> None:
    start = torch.full((6,), -1.0, dtype=torch.float64)
    settings = LbfgsSettings(history=10, first_change=1 / 6, slack=0.0)
    state, _ = run(rosenbrock, start, settings, 200)
    assert float(state.loss) < 1e-10 or float((state.point - 1).abs().max()) < 1e-4
    # torch's L-BFGS diverges here with a fixed step, but converges with its line search.
    torch_with_search = torch_loss(
        rosenbrock, start, 200, history_size=10, line_search_fn="strong_wolfe"
    )
    assert float(state.loss) <= max(torch_with_search, 1e-10)


def test_steps_match_torch_while_none_is_rejected() -> None:
    function, start = quadratic(condition=5), torch.zeros(40, dtype=torch.float64)
    settings = LbfgsSettings(history=10, first_change=1 / 40, slack=10.0)
    state, _ = run(function, start, settings, 12)
    assert float(function(state.trial)) == pytest.approx(
        torch_loss(function, start, 12, history_size=10), rel=1e-6
    )


def test_the_history_forgets_the_oldest_pair() -> None:
    function, start = quadratic(condition=20), torch.zeros(40, dtype=torch.float64)
    settings = LbfgsSettings(history=3, first_change=1 / 40, slack=10.0)
    state, _ = run(function, start, settings, 15)
    assert float(function(state.trial)) == pytest.approx(
        torch_loss(function, start, 15, history_size=3), rel=1e-5
    )


def test_a_resumed_run_is_bit_identical() -> None:
    start = torch.full((1, 3, 4, 5), -0.5)

    def function(x: Tensor) -> Tensor:
        return rosenbrock(x.flatten())

    whole, _ = run(function, start, EXACT, 60)
    for stop in (0, 1, 2, 9, 30):
        first, _ = run(function, start, EXACT, stop)
        saved = {name: tensor.clone() for name, tensor in first.tensors().items()}
        resumed, _ = run(function, start, EXACT, 60 - stop, state=LbfgsState.from_tensors(saved))
        for name, tensor in whole.tensors().items():
            assert torch.equal(tensor, getattr(resumed, name)), (stop, name)


@pytest.mark.parametrize(
    ("saved_dtype", "device_dtype"),
    [(torch.float32, torch.float64), (torch.float64, torch.float32)],
)
def test_a_state_is_loaded_in_the_precision_of_the_device(
    saved_dtype: torch.dtype, device_dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apple's MPS has no float64 and raises a TypeError for it."""
    point = torch.zeros(1, 3, 4, 4)
    saved_tensors = Lbfgs(point, LbfgsSettings(4)).tensors()
    for name in ("loss", "sy", "yy", "gamma"):
        saved_tensors[name] = saved_tensors[name].to(saved_dtype)
    begin = lbfgs.begin

    def begin_in_device_dtype(*arguments: Any) -> LbfgsState:
        made = begin(*arguments)
        return replace(made, loss=made.loss.to(device_dtype))

    monkeypatch.setattr("engine.painting.optimizers.begin", begin_in_device_dtype)
    optimizer = Lbfgs(point, LbfgsSettings(4))
    optimizer.load(saved_tensors)
    floats = {one.dtype for one in optimizer.tensors().values() if one.is_floating_point()}
    assert floats == {torch.float32, device_dtype}


def test_first_step_uses_the_gamma_of_an_earlier_run() -> None:
    function, start = quadratic(), torch.zeros(40, dtype=torch.float64)
    before, _ = run(function, start, EXACT, 12)
    gamma = lbfgs.gamma_of(before)
    slot = (int(before.steps) - 1) % EXACT.history
    assert float(gamma) == float(before.sy[slot, slot] / before.yy[slot, slot])
    first, _ = run(function, start, EXACT, 1, state=lbfgs.begin(start, EXACT, gamma))
    assert torch.allclose(first.trial, start - gamma * first.gradient)
    assert float(lbfgs.gamma_of(first)) == float(gamma), "changed without a pair of its own"
    _, without_gamma = run(function, start, EXACT, 2)
    _, with_gamma = run(function, start, EXACT, 2, state=lbfgs.begin(start, EXACT, gamma))
    assert with_gamma[1] < without_gamma[1], "gamma did not improve the first step"


def test_misleading_initial_gamma_is_forgotten_with_the_model() -> None:
    """After repeated rejected steps, the run starts over without the initial gamma."""
    settings = LbfgsSettings(history=5, slack=0.0, retries=2, first_change=1e-6)
    start = torch.ones(6, dtype=torch.float64)
    state = lbfgs.begin(start, settings, torch.tensor(1e6, dtype=torch.float64))
    state, losses = run(lambda x: x.square().sum(), start, settings, 12, state=state)
    assert max(losses) > losses[0]
    assert float(state.gamma) == 0
    assert float(state.loss) < losses[0]


def test_extrapolation_needs_a_model_that_has_proved_right() -> None:
    function, start = quadratic(condition=10), torch.zeros(40, dtype=torch.float64)
    for steps in range(3):
        state, _ = run(function, start, EXACT, steps)
        assert torch.equal(lbfgs.extrapolated(state), state.point)
    state, _ = run(function, start, EXACT, 8)
    assert torch.equal(lbfgs.extrapolated(state), state.trial)
    assert float(function(lbfgs.extrapolated(state))) < float(state.loss)
    gradient = torch.ones(40, dtype=torch.float64)
    state = lbfgs.advance(state, torch.tensor(1e9), gradient, EXACT)
    assert torch.equal(lbfgs.extrapolated(state), state.point), "the last step was rejected"


def test_model_is_forgotten_after_repeated_rejections() -> None:
    state, _ = run(quadratic(condition=10), torch.zeros(40, dtype=torch.float64), EXACT, 8)
    point, gradient = state.point.clone(), state.gradient.clone()
    for rejected in range(1, EXACT.retries + 1):
        state = lbfgs.advance(state, torch.tensor(1e9), gradient, EXACT)
        assert (int(state.rejected), bool(state.valid.any())) == (rejected, True)
    state = lbfgs.advance(state, torch.tensor(1e9), gradient, EXACT)
    assert (int(state.rejected), bool(state.valid.any())) == (0, False)
    assert torch.equal(state.point, point)
    first = EXACT.first_change * 40 / gradient.abs().sum()
    torch.testing.assert_close(state.trial, point - first * gradient)


def test_step_with_a_nan_gradient_is_rejected() -> None:
    state, _ = run(quadratic(condition=10), torch.zeros(40, dtype=torch.float64), EXACT, 8)
    point, loss = state.point.clone(), state.loss.clone()
    state = lbfgs.advance(state, loss - 1, torch.full((40,), math.nan), EXACT)
    assert torch.equal(state.point, point)
    assert int(state.rejected) == 1


def test_steps_to_an_infinite_loss_are_rejected() -> None:
    def cliff(x: Tensor) -> Tensor:  # infinite beyond 1, with the minimum just below
        return (x - 0.99).square().sum() - 1e-3 * torch.log(1 - x).sum()

    settings = LbfgsSettings(history=5, first_change=0.9, slack=0.0)
    state, losses = run(cliff, torch.full((8,), 0.2, dtype=torch.float64), settings, 60)
    assert any(not math.isfinite(loss) for loss in losses)
    assert torch.isfinite(state.point).all()
    assert float(state.loss) < losses[0] / 3


def test_accepted_losses_never_rise_without_slack() -> None:
    state = lbfgs.begin(torch.full((6,), -1.0, dtype=torch.float64), EXACT)
    before = math.inf
    for _ in range(80):
        state, _ = run(rosenbrock, state.trial, EXACT, 1, state=state)
        assert float(state.loss) <= before
        before = float(state.loss)


def test_flat_loss_leaves_the_point_unchanged() -> None:
    start = torch.rand(1, 3, 32, 32)  # large enough for an infinite first step
    state, _ = run(lambda x: (x * 0).sum(), start, EXACT, 10)
    assert torch.equal(state.point, start)
    assert torch.isfinite(state.trial).all()


def test_points_stay_within_the_bounds() -> None:
    settings = LbfgsSettings(history=5, bounds=(0.0, 1.0))
    goal = torch.linspace(-1, 2, 12).view(1, 3, 2, 2)
    state, _ = run(lambda x: (x - goal).square().sum(), torch.full((1, 3, 2, 2), 0.5), settings, 60)
    assert torch.allclose(state.point, goal.clamp(0, 1), atol=1e-3)


def test_negative_curvature_is_left_out_of_the_model() -> None:
    def saddle(x: Tensor) -> Tensor:
        return -(x.square()).sum() + 0.1 * x.pow(4).sum()

    start = torch.full((4,), 0.1, dtype=torch.float64)
    state, _ = run(saddle, start, EXACT, 3)
    assert int(state.steps) == 2
    assert not state.valid.any()
    # A direction that leads uphill, as rounding may cause, is not followed either.
    uphill = replace(state, valid=state.yy.diagonal() > 0)
    after, _ = run(saddle, start, EXACT, 1, state=uphill)
    assert torch.dot(after.trial - after.point, after.gradient) < 0
    state, _ = run(saddle, start, EXACT, 80)
    assert float((state.point.abs() - math.sqrt(5)).abs().max()) < 1e-3


def test_the_memory_format_does_not_change_the_run() -> None:
    start = torch.rand(1, 3, 5, 4, generator=torch.Generator().manual_seed(1))
    goal = start.flip(3)

    def function(x: Tensor) -> Tensor:
        return ((x - goal) * torch.arange(1.0, 4.0).view(1, 3, 1, 1)).square().sum()

    plain, _ = run(function, start, EXACT, 5)
    last, _ = run(function, start.contiguous(memory_format=torch.channels_last), EXACT, 5)
    assert torch.allclose(plain.trial, last.trial, atol=1e-6)


def test_narrow_history_converges_nearly_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    function, start = quadratic(condition=100), torch.zeros(40, dtype=torch.float64)
    narrow = LbfgsSettings(history=10, slack=0.0, narrow=True)
    wide_end, losses = run(function, start, EXACT, 40)
    narrow_end, _ = run(function, start, narrow, 40)
    assert narrow_end.s.dtype is torch.bfloat16
    kept = (narrow_end.s.double() * narrow_end.y.double()).sum(1)  # rounding included
    torch.testing.assert_close(narrow_end.sy.diagonal(), kept, rtol=1e-6, atol=0)
    assert narrow_end.s.element_size() * 4 == wide_end.s.element_size()
    assert float(narrow_end.loss) < 1e-3 * losses[0]
    monkeypatch.setattr(lbfgs, "_PIECE", 7)
    chunked, _ = run(function, start, narrow, 40)
    torch.testing.assert_close(chunked.point, narrow_end.point, rtol=1e-3, atol=1e-3)
