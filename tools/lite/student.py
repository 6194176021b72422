"""The `lite` network during training, with batch normalization that is folded away at the end."""

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor, nn

from engine.lite.network import CONVOLUTIONS, READINGS, Weights, normalized
from engine.networks.channels_last import avg_pool
from tools.lite.filters import first_filters

_MOMENTUM = 0.05


class Student(nn.Module):
    """The convolutions and readings of `network`, with batch normalization.

    Ioffe and Szegedy, ICML 2015; without it learning takes several times as long.
    """

    def __init__(self) -> None:
        super().__init__()
        inputs = 3
        self.convolutions = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        for each in CONVOLUTIONS:
            padding = each.kernel_px // 2 if inputs != 3 else 0
            made = nn.Conv2d(inputs, each.width, each.kernel_px, padding=padding, bias=False)
            if inputs == 3:
                made.weight.data = first_filters(each.width, each.kernel_px)
            else:
                nn.init.kaiming_normal_(made.weight)
            self.convolutions[each.name] = made
            self.norms[each.name] = nn.BatchNorm2d(each.width, momentum=_MOMENTUM)
            inputs = each.width
        widths = {each.name: each.width for each in CONVOLUTIONS}
        self.readings = nn.ModuleDict(
            {each.layer: nn.Linear(widths[each.source], each.width) for each in READINGS}
        )
        self.to(memory_format=torch.channels_last)

    @classmethod
    def of(cls, weights: Weights) -> "Student":
        """A student that continues from weights that `folded` returned.

        Kernels are scaled to the size of new ones, and the normalization's gain compensates, so
        that one learning rate suits both.
        """
        student = cls()
        for each in CONVOLUTIONS:
            kernel, norm = weights[f"{each.name}.weight"], student.norms[each.name]
            convolution = student.convolutions[each.name]
            assert isinstance(norm, nn.BatchNorm2d)
            assert isinstance(convolution, nn.Conv2d)
            gain = kernel.std((1, 2, 3)) / convolution.weight.detach().std()
            convolution.weight.data.copy_(kernel / gain[:, None, None, None])
            norm.weight.data.copy_(gain * (1 + norm.eps) ** 0.5)
            norm.bias.data.copy_(weights[f"{each.name}.bias"])
        for layer, reading in student.readings.items():
            assert isinstance(reading, nn.Linear)
            reading.weight.data.copy_(weights[f"{layer}.weight"])
            reading.bias.data.copy_(weights[f"{layer}.bias"])
        return student

    def forward(self, crops: Tensor, answers: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """All layers' features of crops [N, 3, h, w] in 0..1.

        Each convolution's outputs are stored in `answers`, if given.
        """
        x = normalized(crops).contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        octave = 0
        for each in CONVOLUTIONS:
            if each.octave > octave:
                x = avg_pool(x)
                octave = each.octave
            x = F.relu(self.norms[each.name](self.convolutions[each.name](x)))
            if answers is not None:
                answers[each.name] = x
            for reading in READINGS:
                if reading.source == each.name:
                    told = self.readings[reading.layer](x.movedim(1, -1))
                    found[reading.layer] = told.movedim(-1, 1)
        return found

    def hold_first(self) -> None:
        """Freeze the first convolution, which is the most expensive to train, and its readings."""
        first = CONVOLUTIONS[0].name
        held = [self.convolutions[first], self.norms[first]]
        held += [self.readings[each.layer] for each in READINGS if each.source == first]
        for part in held:
            part.requires_grad_(False)

    def folded(self) -> dict[str, Tensor]:
        """The weights for `LiteEncoder`, with the normalization folded in."""
        weights: dict[str, Tensor] = {}
        for name, norm in self.norms.items():
            assert isinstance(norm, nn.BatchNorm2d)
            mean, variance = norm.running_mean, norm.running_var
            assert mean is not None
            assert variance is not None
            gain = norm.weight / (variance + norm.eps).sqrt()
            kernel = self.convolutions[name].weight
            assert isinstance(kernel, Tensor)
            weights[f"{name}.weight"] = (kernel * gain[:, None, None, None]).detach()
            weights[f"{name}.bias"] = (norm.bias - mean * gain).detach()
        for name, reading in self.readings.items():
            for part, tensor in reading.named_parameters():
                weights[f"{name}.{part}"] = tensor.detach().clone()
        return {name: tensor.contiguous() for name, tensor in weights.items()}
