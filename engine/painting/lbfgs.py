"""L-BFGS that never waits for the device: one loss and gradient an iteration, no host sync.

The inverse Hessian is applied in its compact form (Byrd, Nocedal and Schnabel, 1994, eq. 3.13):

    H g = γ g + S v − γ Y w,   w = R⁻¹ Sᵀg,   v = R⁻ᵀ ((D + γ YᵀY) w − γ Yᵀg)

with R the upper triangle of SᵀY in the order of age, D its diagonal and γ = sᵀy / yᵀy of the
newest pair. S and Y are stacked tensors; the inner products live in two small matrices,
in float64, of which an iteration fills one column. torch's own reads 2m + 5 numbers back.

Every choice is a `torch.where`: a step that raised the loss (Armijo, with a slack for the noise of
bf16) or made it infinite is not taken and tried again shorter; a pair without positive curvature is
left out of the model. Large tensors are changed in place, as at print sizes each is some hundred
megabytes: besides the state an iteration needs three of them for a while.
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
WIDE = frozenset({"loss", "sy", "yy", "gamma"})
"""Parts of a state in float64, where the device has it."""
_TRUSTED_PAIRS = 3
_PIECE = 1 << 20


@dataclass(frozen=True)
class LbfgsSettings:
    """How the steps are chosen."""

    history: int = 20
    """Pairs kept; memory is `8 · history` bytes for each number of the point (fp32)."""
    narrow: bool = False
    """Keep them in bf16, for half of that. The pictures are as good (a hundredth in the loss), as
    the model is made of sums over all numbers of the rounded pairs.
    """
    step: float = 1.0
    """Length of a step along the quasi-Newton direction (1 as in jcjohnson/neural-style)."""
    first_change: float = 2e-3
    """Mean absolute change of the first step, in units of the point; torch's own first step,
    `min(1, 1 / |g|₁) · g`, is too short for bf16 gradients.
    """
    slack: float = 1e-3
    """Share by which the loss may rise in a step that is still taken."""
    retries: int = 6
    """Shorter steps tried in a row before the model is forgotten."""
    bounds: tuple[float, float] | None = None
    """Least and greatest value of the point's numbers, or `None`."""


@dataclass(frozen=True)
class LbfgsState:
    """All of a run, as tensors. `trial` is where loss and gradient are wanted next.

    `advance` reuses its memory: a state that was passed to it is spent.
    """

    point: Tensor  # the last point taken
    trial: Tensor
    gradient: Tensor  # at `point`, flat
    direction: Tensor  # the whole step that was tried first, flat
    loss: Tensor  # at `point`; infinite before the first evaluation
    length: Tensor  # share of `direction` that `trial` takes
    steps: Tensor  # pairs offered so far; the next goes to slot steps % history
    rejected: Tensor  # in a row
    s: Tensor  # [history, n]
    y: Tensor  # [history, n]
    valid: Tensor  # [history], false for an empty slot or a pair without curvature
    sy: Tensor  # sᵢᵀ yⱼ, right for i not newer than j
    yy: Tensor  # yᵢᵀ yⱼ
    gamma: Tensor  # γ as long as there is no pair; 0 where it is not known

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
    """A run that starts from `point`; the first trial is the point itself.

    Args:
        point: where to start.
        settings: how steps are chosen.
        gamma: γ of a run before this that was much like it, for the first step; see `gamma_of`.
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
    """γ of the newest pair, or what the run began with where that has no curvature; 0 for none."""
    slot = ((state.steps - 1) % state.s.shape[0]).reshape(1)
    newest = (one.diagonal().index_select(0, slot)[0] for one in (state.sy, state.yy))
    curvature, square = newest
    return torch.where(state.valid.index_select(0, slot)[0], curvature / square, state.gamma)


def foreseen(state: LbfgsState) -> Tensor:
    """The step that would be tried next, taken unseen; the point where little is known of the way.

    A model of a few pairs that was right about the last step is hardly ever wrong about the next.
    """
    trusted = (state.valid.sum() >= _TRUSTED_PAIRS) & (state.rejected == 0)
    trusted &= torch.isfinite(_length(state.trial))
    return torch.where(trusted, state.trial, state.point)


def advance(
    state: LbfgsState, loss: Tensor, gradient: Tensor, settings: LbfgsSettings
) -> LbfgsState:
    """The state after loss (a scalar tensor) and gradient at `state.trial` are known."""
    loss = loss.detach().to(state.loss.dtype)
    # Not reshaped by strides: the order of the numbers must not depend on the memory format.
    new_gradient = gradient.detach().contiguous().reshape(-1).to(state.gradient.dtype)
    moved = (state.trial - state.point).contiguous().reshape(-1)
    reach = _length(moved)
    promised = torch.dot(state.gradient, moved).to(loss.dtype)
    finite = torch.isfinite(loss) & torch.isfinite(_length(new_gradient))
    first = torch.isinf(state.loss)
    enough = loss <= state.loss + _ARMIJO * promised + settings.slack * state.loss.abs()
    taken = finite & (enough | first)

    state = _remember(state, moved, new_gradient, usable=taken & ~first)
    del moved
    shorter = _shorter(state, loss, promised, finite=finite)
    rejected = torch.where(taken, 0, state.rejected + 1)
    lost = rejected > settings.retries
    torch.where(taken, state.trial, state.point, out=state.point)
    torch.where(taken, new_gradient, state.gradient, out=state.gradient)
    state = replace(
        state,
        loss=torch.where(taken, loss, state.loss),
        valid=state.valid & ~lost,
        rejected=torch.where(lost, 0, rejected),
        gamma=torch.where(lost, 0.0, state.gamma),
    )
    # Without curvature the steps double, as none tells how far the slope goes down.
    fresh, full = _direction(state, settings, torch.where(taken, 2 * reach, 0.0))
    anew = taken | lost
    torch.where(anew, fresh, state.direction, out=state.direction)
    length = torch.where(anew, full, shorter)
    torch.mul(state.direction.view_as(state.point), length, out=state.trial)
    state.trial.add_(state.point)
    if settings.bounds is not None:
        state.trial.clamp_(*settings.bounds)
    return replace(state, length=length)


def _remember(state: LbfgsState, moved: Tensor, gradient: Tensor, usable: Tensor) -> LbfgsState:
    """The pair of this step put into the oldest slot; where not usable, nothing changes."""
    change = gradient - state.gradient
    size = torch.linalg.vector_norm(moved) * torch.linalg.vector_norm(change)
    slot = (state.steps % state.s.shape[0]).reshape(1)
    for rows, row in ((state.s, moved), (state.y, change)):
        # A step that was not taken writes its slot's own row back.
        kept = rows.index_select(0, slot)[0]
        torch.where(usable, row.to(rows.dtype), kept, out=kept)
        rows.index_copy_(0, slot, kept[None])
        row.copy_(kept)  # The model is made of what is kept, rounding included.
    small = state.sy.dtype
    sy_column = _products(state.s, change).to(small)
    yy_column = _products(state.y, change).to(small)
    sy = torch.where(usable, state.sy.index_copy(1, slot, sy_column[:, None]), state.sy)
    yy = state.yy.index_copy(1, slot, yy_column[:, None])
    yy = torch.where(usable, yy.index_copy(0, slot, yy_column[None]), state.yy)
    curvature = sy_column.index_select(0, slot)
    curved = curvature > (_LEAST_COSINE * size.to(small)).clamp(min=torch.finfo(small).tiny)
    valid = torch.where(usable, state.valid.index_copy(0, slot, curved), state.valid)
    return replace(state, sy=sy, yy=yy, valid=valid, steps=state.steps + usable.to(torch.int64))


def _shorter(state: LbfgsState, loss: Tensor, promised: Tensor, *, finite: Tensor) -> Tensor:
    """The length to try after a rejected one: the parabola's least, within 0.1 to 0.5 of it."""
    rise = loss - state.loss - promised
    cut = (-promised / (2 * rise)).clamp(_SHORTEST_CUT, _LONGEST_CUT)
    cut = torch.where(finite & (rise > 0), cut, _SHORTEST_CUT)
    return state.length * cut.to(state.length.dtype)


def _direction(state: LbfgsState, settings: LbfgsSettings, least: Tensor) -> tuple[Tensor, Tensor]:
    """The quasi-Newton direction at `state.point` and the length to take of it.

    Without a model the direction is steepest descent, of an L1 norm of at least `least`.
    """
    history = state.s.shape[0]
    small = state.sy.dtype
    g = state.gradient
    # Oldest first: the slot that is written next holds the oldest pair.
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

    a = _products(state.s, g).to(small).index_select(0, age) * valid
    b = _products(state.y, g).to(small).index_select(0, age) * valid
    w = torch.linalg.solve_triangular(r, a[:, None], upper=True)
    right = curvature[:, None] * w + gamma * (yy @ w) - gamma * b[:, None]
    v = torch.linalg.solve_triangular(r.T, right, upper=False)[:, 0]
    w = w[:, 0]

    back = torch.empty_like(age).index_copy_(0, age, torch.arange(history, device=g.device))
    v = v.index_select(0, back).to(g.dtype)
    w = w.index_select(0, back).to(g.dtype)
    step = g.clone()
    _add_rows(step, state.y, -w)
    step *= gamma.to(g.dtype)
    _add_rows(step, state.s, v)

    weight = _length(g).clamp(min=torch.finfo(g.dtype).tiny)
    first = settings.first_change * g.numel() / weight
    first = torch.where(state.gamma > 0, state.gamma.to(g.dtype), first)
    first = torch.maximum(first, least / weight)
    # At the very optimum there is nowhere to go.
    first = torch.where(torch.isfinite(first), first, torch.zeros_like(first))
    # Also where rounding has turned the model's direction uphill, or made it infinite.
    downhill = torch.dot(g, step)
    good = any_pair & torch.isfinite(downhill) & (downhill > 0)
    torch.where(good, step, g, out=step)
    return step.neg_(), torch.where(good, torch.full_like(first, settings.step), first)


def _length(vector: Tensor) -> Tensor:
    """The L1 norm; not finite where a number is not.

    In pieces, as torch's own takes five times as long on a processor.
    """
    return sum_of([piece.abs().sum() for piece in torch.split(vector.reshape(-1), _PIECE)])


def _products(rows: Tensor, vector: Tensor) -> Tensor:
    """The inner product of each row with a vector."""
    if rows.dtype is vector.dtype:
        return torch.mv(rows, vector)
    total = vector.new_zeros(rows.shape[0])
    for part, piece in zip(torch.split(rows, _PIECE, 1), torch.split(vector, _PIECE), strict=True):
        total += torch.mv(part.to(piece.dtype), piece)
    return total


def _add_rows(vector: Tensor, rows: Tensor, weights: Tensor) -> None:
    """Add each row, times its weight, to a vector."""
    if rows.dtype is vector.dtype:
        vector.addmv_(rows.T, weights)
        return
    for part, piece in zip(torch.split(rows, _PIECE, 1), torch.split(vector, _PIECE), strict=True):
        piece.addmv_(part.to(piece.dtype).T, weights)
