"""L-BFGS that never waits for the device: one loss and gradient an iteration, no host sync.

The inverse Hessian is applied in its compact form (Byrd, Nocedal and Schnabel, 1994, eq. 3.13):

    H g = γ g + S v − γ Y w,   w = R⁻¹ Sᵀg,   v = R⁻ᵀ ((D + γ YᵀY) w − γ Yᵀg)

with R the upper triangle of SᵀY in the order of age, D its diagonal and γ = sᵀy / yᵀy of the
newest pair. S and Y are stacked tensors. Their inner products are kept in two small float64
matrices, of which an iteration updates one row or column. torch's own L-BFGS reads 2m + 5 numbers
back from the device in each iteration.

Every branch is a `torch.where`. A step that raised the loss (Armijo condition, with a slack for the
noise of bf16) or made it infinite is rejected and tried again shorter (backtracking). A pair
without positive curvature is left out of the model. Large tensors are changed in place, as each
takes some hundred megabytes at print sizes: an iteration needs three of them temporarily, besides
the state.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from engine.painting.statistics import sum_of

_ARMIJO = 1e-4
_LEAST_COSINE = 1e-6
_SHORTEST_CUT, _LONGEST_CUT = 0.1, 0.5
FLOAT64_TENSORS = frozenset({"loss", "sy", "yy", "gamma"})
"""Tensors of a state that are float64, if the device has that type."""
_TRUSTED_PAIRS = 3
_PIECE = 1 << 20


@dataclass(frozen=True)
class LbfgsSettings:
    """How the steps are chosen."""

    history: int = 20
    """Number of pairs; they take `8 · history` bytes for each value of the point (fp32)."""
    narrow: bool = False
    """Keep the pairs in bf16, for half of that. The pictures are as good: the model is computed
    from the rounded pairs, and its inner products average the rounding over all values.
    """
    step: float = 1.0
    """Length of a step along the quasi-Newton direction (1 as in jcjohnson/neural-style)."""
    first_change: float = 2e-3
    """Mean absolute change of a value in the first step. That of torch's own L-BFGS,
    `min(1, 1 / |g|₁) · g`, is too short for bf16 gradients.
    """
    slack: float = 1e-3
    """Relative rise of the loss with which a step is still accepted."""
    retries: int = 6
    """Number of rejected steps in a row after which all pairs are dropped."""
    bounds: tuple[float, float] | None = None
    """Least and greatest allowed value; None for no bounds."""


@dataclass(frozen=True)
class LbfgsState:
    """The whole state as tensors; loss and gradient are to be evaluated at `trial` next.

    `advance` reuses its memory: a state that was passed to it must not be used again.
    """

    point: Tensor  # the last accepted point
    trial: Tensor
    gradient: Tensor  # at `point`, flat
    direction: Tensor  # the full step, flat
    loss: Tensor  # at `point`; infinite before the first evaluation
    length: Tensor  # trial = point + length · direction
    steps: Tensor  # pairs offered so far; the next goes to slot steps % history
    rejected: Tensor  # steps in a row
    s: Tensor  # [history, n]
    y: Tensor  # [history, n]
    valid: Tensor  # [history], false for an empty slot or a pair without curvature
    sy: Tensor  # sᵢᵀ yⱼ, valid only for i not newer than j
    yy: Tensor  # yᵢᵀ yⱼ
    gamma: Tensor  # γ to use before the first pair; 0 if unknown

    def tensors(self) -> dict[str, Tensor]:
        """The state by name, for a checkpoint."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "LbfgsState":
        """The state that `tensors()` gave, bit for bit.

        Raises:
            KeyError: A tensor is missing.
        """
        return cls(**{field.name: tensors[field.name] for field in fields(cls)})


def begin(point: Tensor, settings: LbfgsSettings, gamma: Tensor | None = None) -> LbfgsState:
    """The state to start with; the first trial is the point itself.

    Args:
        point: where to start.
        settings: how steps are chosen.
        gamma: γ of an earlier, similar optimization, for the first step; see `gamma_of`.
    """
    flat, device = point.numel(), point.device
    # MPS has no float64.
    small = torch.float32 if device.type == "mps" else torch.float64
    history = settings.history
    kept = torch.bfloat16 if settings.narrow else point.dtype
    start = point.detach().clone()
    return LbfgsState(
        point=start,
        trial=start.clone(),
        gradient=torch.zeros(flat, dtype=point.dtype, device=device),
        direction=torch.zeros(flat, dtype=point.dtype, device=device),
        loss=torch.full((), math.inf, dtype=small, device=device),
        length=torch.zeros((), dtype=point.dtype, device=device),
        steps=torch.zeros((), dtype=torch.int64, device=device),
        rejected=torch.zeros((), dtype=torch.int64, device=device),
        s=torch.zeros(history, flat, dtype=kept, device=device),
        y=torch.zeros(history, flat, dtype=kept, device=device),
        valid=torch.zeros(history, dtype=torch.bool, device=device),
        sy=torch.zeros(history, history, dtype=small, device=device),
        yy=torch.zeros(history, history, dtype=small, device=device),
        gamma=torch.zeros((), dtype=small, device=device) if gamma is None else gamma.to(small),
    )


@torch.no_grad()
def gamma_of(state: LbfgsState) -> Tensor:
    """γ of the newest pair; the initial γ if that pair has no curvature, 0 if there is none."""
    slot = ((state.steps - 1) % state.s.shape[0]).reshape(1)
    newest = (one.diagonal().index_select(0, slot)[0] for one in (state.sy, state.yy))
    curvature, square = newest
    return torch.where(state.valid.index_select(0, slot)[0], curvature / square, state.gamma)


def extrapolated(state: LbfgsState) -> Tensor:
    """The trial, without evaluating it; the last accepted point if the model is not to be trusted.

    A model of a few pairs that predicted the last step well is hardly ever wrong about the next.
    """
    trusted = (state.valid.sum() >= _TRUSTED_PAIRS) & (state.rejected == 0)
    trusted &= torch.isfinite(_l1_norm(state.trial))
    return torch.where(trusted, state.trial, state.point)


def advance(
    state: LbfgsState, loss: Tensor, gradient: Tensor, settings: LbfgsSettings
) -> LbfgsState:
    """The state after loss (a scalar tensor) and gradient at `state.trial` are known."""
    loss = loss.detach().to(state.loss.dtype)
    # Contiguous first: the order of the values must not depend on the memory format.
    new_gradient = gradient.detach().contiguous().reshape(-1).to(state.gradient.dtype)
    step = (state.trial - state.point).contiguous().reshape(-1)
    step_norm = _l1_norm(step)
    predicted = torch.dot(state.gradient, step).to(loss.dtype)
    finite = torch.isfinite(loss) & torch.isfinite(_l1_norm(new_gradient))
    first = torch.isinf(state.loss)
    enough = loss <= state.loss + _ARMIJO * predicted + settings.slack * state.loss.abs()
    accepted = finite & (enough | first)

    state = _add_pair(state, step, new_gradient, usable=accepted & ~first)
    del step
    shorter = _backtracked(state, loss, predicted, finite=finite)
    rejected = torch.where(accepted, 0, state.rejected + 1)
    lost = rejected > settings.retries
    torch.where(accepted, state.trial, state.point, out=state.point)
    torch.where(accepted, new_gradient, state.gradient, out=state.gradient)
    state = replace(
        state,
        loss=torch.where(accepted, loss, state.loss),
        valid=state.valid & ~lost,
        rejected=torch.where(lost, 0, rejected),
        gamma=torch.where(lost, 0.0, state.gamma),
    )
    # Without curvature nothing tells how far the descent goes, so the steps double.
    fresh, full = _direction(state, settings, torch.where(accepted, 2 * step_norm, 0.0))
    anew = accepted | lost
    torch.where(anew, fresh, state.direction, out=state.direction)
    length = torch.where(anew, full, shorter)
    torch.mul(state.direction.view_as(state.point), length, out=state.trial)
    state.trial.add_(state.point)
    if settings.bounds is not None:
        state.trial.clamp_(*settings.bounds)
    return replace(state, length=length)


def _add_pair(state: LbfgsState, step: Tensor, gradient: Tensor, usable: Tensor) -> LbfgsState:
    """Put the pair of this step into the oldest slot; nothing changes unless it is `usable`."""
    change = gradient - state.gradient
    size = torch.linalg.vector_norm(step) * torch.linalg.vector_norm(change)
    slot = (state.steps % state.s.shape[0]).reshape(1)
    for rows, row in ((state.s, step), (state.y, change)):
        # If not usable, the slot's own row is written back.
        kept = rows.index_select(0, slot)[0]
        torch.where(usable, row.to(rows.dtype), kept, out=kept)
        rows.index_copy_(0, slot, kept[None])
        row.copy_(kept)  # the inner products are those of the rounded pair
    small = state.sy.dtype
    used = _used_rows(state, offered=1)
    sy_column = _products(state.s, change, used).to(small)
    yy_column = _products(state.y, change, used).to(small)
    sy = torch.where(usable, state.sy.index_copy(1, slot, sy_column[:, None]), state.sy)
    yy = state.yy.index_copy(1, slot, yy_column[:, None])
    yy = torch.where(usable, yy.index_copy(0, slot, yy_column[None]), state.yy)
    curvature = sy_column.index_select(0, slot)
    curved = curvature > (_LEAST_COSINE * size.to(small)).clamp(min=torch.finfo(small).tiny)
    valid = torch.where(usable, state.valid.index_copy(0, slot, curved), state.valid)
    return replace(state, sy=sy, yy=yy, valid=valid, steps=state.steps + usable.to(torch.int64))


def _backtracked(state: LbfgsState, loss: Tensor, predicted: Tensor, *, finite: Tensor) -> Tensor:
    """The length after a rejection: the minimum of a parabola, 0.1 to 0.5 of the former length."""
    rise = loss - state.loss - predicted
    cut = (-predicted / (2 * rise)).clamp(_SHORTEST_CUT, _LONGEST_CUT)
    cut = torch.where(finite & (rise > 0), cut, _SHORTEST_CUT)
    return state.length * cut.to(state.length.dtype)


def _direction(state: LbfgsState, settings: LbfgsSettings, least: Tensor) -> tuple[Tensor, Tensor]:
    """The quasi-Newton direction at `state.point`, and the step length along it.

    Without a model it is steepest descent, with a step whose L1 norm is at least `least`.
    """
    history = state.s.shape[0]
    small = state.sy.dtype
    g = state.gradient
    # Oldest first: the slot to be written next holds the oldest pair.
    age = (torch.arange(history, device=g.device) + state.steps) % history
    valid = state.valid.index_select(0, age)
    both = valid[:, None] & valid[None, :]
    sy = state.sy.index_select(0, age).index_select(1, age) * both
    yy = state.yy.index_select(0, age).index_select(1, age) * both
    curvature = sy.diagonal()
    r = torch.triu(sy) + torch.diag((~valid).to(small))
    newest = torch.where(valid, torch.arange(history, device=g.device), -1).argmax().reshape(1)
    any_pair = valid.any()
    yy_newest = yy.diagonal().index_select(0, newest)[0]
    gamma = torch.where(any_pair, curvature.index_select(0, newest)[0] / yy_newest, 1.0)

    used = _used_rows(state)
    a = _products(state.s, g, used).to(small).index_select(0, age) * valid
    b = _products(state.y, g, used).to(small).index_select(0, age) * valid
    w = torch.linalg.solve_triangular(r, a[:, None], upper=True)
    right = curvature[:, None] * w + gamma * (yy @ w) - gamma * b[:, None]
    v = torch.linalg.solve_triangular(r.T, right, upper=False)[:, 0]
    w = w[:, 0]

    back = torch.empty_like(age).index_copy_(0, age, torch.arange(history, device=g.device))
    v = v.index_select(0, back).to(g.dtype)
    w = w.index_select(0, back).to(g.dtype)
    step = g.clone()
    _add_rows(step, state.y[:used], -w[:used])
    step *= gamma.to(g.dtype)
    _add_rows(step, state.s[:used], v[:used])

    weight = _l1_norm(g).clamp(min=torch.finfo(g.dtype).tiny)
    first = settings.first_change * g.numel() / weight
    first = torch.where(state.gamma > 0, state.gamma.to(g.dtype), first)
    first = torch.maximum(first, least / weight)
    # The gradient is zero at the optimum.
    first = torch.where(torch.isfinite(first), first, torch.zeros_like(first))
    # Steepest descent also where rounding made the model's direction point uphill, or infinite.
    downhill = torch.dot(g, step)
    good = any_pair & torch.isfinite(downhill) & (downhill > 0)
    torch.where(good, step, g, out=step)
    return step.neg_(), torch.where(good, torch.full_like(first, settings.step), first)


def _l1_norm(vector: Tensor) -> Tensor:
    """The L1 norm; not finite if any value is not.

    In pieces, as torch's own is far slower on a CPU.
    """
    return sum_of([piece.abs().sum() for piece in torch.split(vector.reshape(-1), _PIECE)])


def _used_rows(state: LbfgsState, offered: int = 0) -> int:
    """Number of rows of S and Y that may hold pairs; the others are zero.

    Only a CPU tells without waiting how many pairs there are.
    """
    history = state.s.shape[0]
    return min(history, int(state.steps) + offered) if state.s.device.type == "cpu" else history


def _products(rows: Tensor, vector: Tensor, used: int) -> Tensor:
    """The inner product of each row with a vector; zero for rows that are not used."""
    total, rows = vector.new_zeros(rows.shape[0]), rows[:used]
    if rows.dtype is vector.dtype:
        torch.mv(rows, vector, out=total[:used])
        return total
    for part, piece in zip(torch.split(rows, _PIECE, 1), torch.split(vector, _PIECE), strict=True):
        total[:used] += torch.mv(part.to(piece.dtype), piece)
    return total


def _add_rows(vector: Tensor, rows: Tensor, weights: Tensor) -> None:
    """Add each row, times its weight, to a vector."""
    if rows.dtype is vector.dtype:
        vector.addmv_(rows.T, weights)
        return
    for part, piece in zip(torch.split(rows, _PIECE, 1), torch.split(vector, _PIECE), strict=True):
        piece.addmv_(part.to(piece.dtype).T, weights)
