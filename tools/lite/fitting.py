"""Initial weights by least squares, layer by layer, without training.

Each convolution in turn is fitted, on the outputs of those before it, to a layer of VGG-19 before
its ReLU, reduced to as many channels as the convolution has outputs. Convolutions that exist in
earlier weights are fitted to their outputs there.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor, nn

from engine.lite.network import BY_NAME, CONVOLUTIONS, READINGS, Weights, normalized
from engine.networks.channels_last import avg_pool
from engine.networks.encoder import features_of
from engine.networks.vgg19 import CONVOLUTIONS as TEACHERS
from engine.networks.vgg19 import Vgg19, Vgg19Weights
from tools.lite.student import Student
from tools.lite.training_data import TrainingExample, inner, together

STANDS_FOR = {"conv4a": "relu4_1", "conv4b": "relu4_2", "conv5a": "relu5_1", "conv5b": "relu5_1"}
"""Target layer of VGG-19 for each convolution without earlier weights."""
_RIDGE = 1e-3
"""Ridge, relative to the diagonal's mean; without it, large weights nearly cancel each other."""
_LEAST_SIZE = 0.05


def deepened(
    earlier: Weights, teacher: Vgg19Weights, crops: Sequence[Tensor], *, maxima: bool
) -> dict[str, Tensor]:
    """Weights of all convolutions, given those of the first ones; readings are not fitted.

    Args:
        earlier: the first convolutions' weights, and their readings.
        teacher: VGG-19.
        crops: [3, h, w] in 0..1, to fit by.
        maxima: whether the earlier network used max pooling instead of mean pooling.
    """
    pool: Callable[[Tensor], Tensor] = _maximum if maxima else avg_pool
    known = [each for each in CONVOLUTIONS if f"{each.name}.weight" in earlier]
    made = {name: tensor.clone() for name, tensor in earlier.items()}
    with torch.no_grad():
        before = [_first(earlier, crop) for crop in crops]
        found, octave = before, 0
        for each in known[1:]:
            if each.octave > octave:
                before, found = [pool(x) for x in before], [avg_pool(x) for x in found]
                octave = each.octave
            weight, bias = earlier[f"{each.name}.weight"], earlier[f"{each.name}.bias"]
            said = [F.conv2d(x, weight, bias, padding=1) for x in before]
            found = _fit(each.name, found, said, made)
            before = [one.relu() for one in said]
        told = _told(teacher, crops, {STANDS_FOR[one.name] for one in CONVOLUTIONS[len(known) :]})
        for each in CONVOLUTIONS[len(known) :]:
            if each.octave > octave:
                found, octave = [avg_pool(x) for x in found], each.octave
            wanted = _thinned(told[STANDS_FOR[each.name]], each.width)
            found = _fit(each.name, found, wanted, made)
    for reading in READINGS:
        shape = reading.width, BY_NAME[reading.source].width
        made.setdefault(f"{reading.layer}.weight", torch.zeros(shape))
        made.setdefault(f"{reading.layer}.bias", torch.zeros(shape[0]))
    return made


def fit_readings(student: Student, examples: Iterable[TrainingExample]) -> None:
    """Fit the student's readings to its present features, except the first."""
    fitted = [reading for reading in READINGS if reading.source != CONVOLUTIONS[0].name]
    sums = {reading.layer: _Sums() for reading in fitted}
    answers: dict[str, Tensor] = {}
    with torch.no_grad():
        for example in examples:
            crops, targets = together([example])
            student(crops, answers)
            for reading in fitted:
                rows = (
                    _rows(inner(one, reading.layer))
                    for one in (answers[reading.source], targets[reading.layer])
                )
                sums[reading.layer].add(*rows)
        for layer, found in sums.items():
            weight, bias = found.solved()
            read = student.readings[layer]
            assert isinstance(read, nn.Linear)
            read.weight.data.copy_(weight)
            read.bias.data.copy_(bias)


class _Sums:
    """Normal equations of least squares with an intercept."""

    def __init__(self) -> None:
        self.left = self.right = torch.zeros((), dtype=torch.float64)

    def add(self, given: Tensor, wanted: Tensor) -> None:
        """Add samples: inputs [n, C] and targets [n, K]."""
        given = torch.cat([given, given.new_ones(len(given), 1)], 1).double()
        self.left = self.left + given.mT @ given
        self.right = self.right + given.mT @ wanted.double()

    def solved(self) -> tuple[Tensor, Tensor]:
        """Weight [K, C] and bias [K]."""
        ridge = _RIDGE * self.left.diagonal().mean() * torch.eye(len(self.left)).double()
        solved = torch.linalg.solve(self.left + ridge, self.right).float()
        return solved[:-1].mT.contiguous(), solved[-1].clone()


def _fit(
    name: str, given: Sequence[Tensor], wanted: Sequence[Tensor], made: dict[str, Tensor]
) -> list[Tensor]:
    """Fit a 3 × 3 convolution, store it in `made`, and return its outputs."""
    sums = _Sums()
    for x, y in zip(given, wanted, strict=True):
        sums.add(F.unfold(x, 3, padding=1)[0].mT, _rows(y))
    weight, bias = sums.solved()
    weight = weight.view(weight.shape[0], -1, 3, 3)
    made[f"{name}.weight"], made[f"{name}.bias"] = weight, bias
    return [F.conv2d(x, weight, bias, padding=1).relu() for x in given]


def _told(
    weights: Vgg19Weights, crops: Sequence[Tensor], layers: Iterable[str]
) -> dict[str, list[Tensor]]:
    """VGG-19's features of crops before the ReLU."""
    network = Vgg19(weights)
    names = [each.layer for each in TEACHERS]
    before = {layer: names[names.index(layer) - 1] for layer in layers}
    said: dict[str, list[Tensor]] = {layer: [] for layer in before}
    for crop in crops:
        found = features_of(network, crop[None].float(), tuple(before.values()))
        for layer, earlier in before.items():
            teacher = TEACHERS[names.index(layer)]
            x = _maximum(found[earlier]) if teacher.first_of_block else found[earlier]
            weight, bias = (weights.tensors[f"{teacher.key}.{part}"] for part in ("weight", "bias"))
            said[layer].append(F.conv2d(x, weight, bias, padding=1))
    return said


def _thinned(said: Sequence[Tensor], count: int) -> list[Tensor]:
    """Select the channels that best predict the others' rectified outputs, at unit size.

    Greedily, by the explained variance (pivoted Cholesky).
    """
    left = torch.zeros((), dtype=torch.float64)
    for one in said:
        rows = _rows(one.relu()).double()
        left = left + rows.mT @ rows / (len(rows) * len(said))
    sizes = left.diagonal().sqrt().float()
    chosen: list[int] = []
    for _ in range(count):
        least = 1e-9 * float(left.diagonal().max())
        gains = left.square().sum(0) / left.diagonal().clamp(min=max(least, 1e-30))
        gains[chosen] = -1.0
        best = int(gains.argmax())
        chosen.append(best)
        left = left - torch.outer(left[:, best], left[best]) / left[best, best].clamp(min=1e-30)
    size = sizes[chosen].clamp(min=_LEAST_SIZE * float(sizes.mean()))
    return [one[:, chosen] / size[None, :, None, None] for one in said]


def _first(weights: Weights, crop: Tensor) -> Tensor:
    name = CONVOLUTIONS[0].name
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return F.conv2d(normalized(crop[None].float()), weight, bias).relu()


def _maximum(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2)


def _rows(features: Tensor) -> Tensor:
    """[h w, C] of [1, C, h, w]."""
    return features[0].flatten(1).mT
