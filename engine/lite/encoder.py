"""The `lite` network: one bank of filters over the octaves of a picture, and a little on top."""

import hashlib
from collections.abc import Collection

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.lite.filters import FilterPlan, draw_filters
from engine.lite.forms import FORM2, NEAR, Weights, hidden, load_forms, read_out
from engine.networks.encoder import WeightsProblem

OCTAVES = 5
WIDTHS = (32, 64, 96, 96, 96)
PLAN = FilterPlan()
COLOURS = tuple(f"colour{octave + 1}" for octave in range(OCTAVES))
TEXTURES = tuple(f"texture{octave + 1}" for octave in range(OCTAVES))
FORM = "form2"
LAYERS = (
    *("colour1", "texture1", "colour2", "texture2", FORM),
    *("colour3", "texture3", "colour4", "texture4", "colour5", "texture5"),
)
_HALVING = (0.125, 0.375, 0.375, 0.125)
_FORM_REACH_PX = 8  # a 3×3 kernel at every second pixel, over the textures' own reach
_UNIT = 255.0
_VERSION = "3"


class LiteEncoder:
    """A bank of filters with ReLU, the same one at each octave of the picture, and forms.

    Octave n sees the picture at 2^(1−n) of its size. `textureN` are designed and random
    filters with zero mean, `colourN` soft thresholds along directions in colour. `form2` is
    learnt, see `engine.lite.forms`. Halving is by a binomial filter, so that neither squares
    nor a grid can arise, and every border is mirrored.
    """

    name = "lite"
    pooling = "binomial"
    unit = _UNIT
    layers = LAYERS

    def __init__(
        self,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        plan: FilterPlan = PLAN,
        forms: Weights | None = None,
    ) -> None:
        self.device = device or torch.device("cpu")
        self.dtype = dtype
        self._reach = plan.size_px // 2
        drawn = draw_filters(plan)
        self._texture = [self._kernel(drawn.texture[:width]) for width in WIDTHS]
        self._texture_bias = [drawn.texture_bias[:width].to(self.device, dtype) for width in WIDTHS]
        self._colour = self._kernel(drawn.colour)
        self._colour_bias = drawn.colour_bias.to(self.device, dtype)
        learnt = load_forms() if forms is None else forms
        self._forms = {
            name: self._kernel(tensor) if tensor.ndim == 4 else tensor.to(self.device, dtype)
            for name, tensor in learnt.items()
        }
        # Of what the network is made from, not of the drawn numbers, whose last digits may
        # differ between machines.
        digest = hashlib.sha256(repr((_VERSION, plan, WIDTHS, _HALVING)).encode())
        for name in sorted(learnt):
            digest.update(learnt[name].detach().cpu().to(torch.float16).numpy().tobytes())
        self.weights_hash = digest.hexdigest()
        bell = torch.tensor(_HALVING, device=self.device, dtype=torch.float32)
        self._bell = (bell[:, None] * bell[None, :]).expand(3, 1, 4, 4).contiguous()

    def features(self, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """See `Encoder.features`."""
        missing = [name for name in layers if name not in LAYERS]
        if missing:
            raise WeightsProblem(
                "The lite network has no layer {layer}; it has: {layers}.",
                layer=missing[0],
                layers=", ".join(LAYERS),
            )
        wanted = set(layers)
        needed = wanted | _beneath(wanted)
        found: dict[str, Tensor] = {}
        x = picture - 0.5
        for octave in range(_deepest(needed) + 1):
            if octave:
                x = self._halved(x)
            if needed & {TEXTURES[octave], COLOURS[octave]}:
                found |= self._octave(x, octave, needed)
        if FORM in wanted:
            inputs = hidden(self._forms, found["texture1"], found["texture2"])
            found[FORM] = read_out(self._forms, inputs)
        return {name: found[name] for name in LAYERS if name in wanted}

    def margin_px(self, layers: Collection[str]) -> int:
        """See `Encoder.margin_px`: the filter's reach at its octave, and all halvings'."""
        wanted = set(layers)
        octave = _deepest(wanted | _beneath(wanted))
        stride: int = 2**octave
        reach = stride * self._reach + sum(2**step for step in range(octave))
        if FORM in wanted:
            reach = max(reach, _FORM_REACH_PX)
        steps: int = -(-reach // stride)
        return steps * stride

    def stride_px(self, layer: str) -> int:
        """See `Encoder.stride_px`."""
        return int(2 ** _octave_of(layer))

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """See `Encoder.bytes_per_pixel`: features, their gradient, and as floats for moments."""
        wide = torch.finfo(self.dtype).bits / 8
        wanted = set(layers)
        needed = wanted | _beneath(wanted)
        values: float = sum(self._width(layer) / 4 ** _octave_of(layer) for layer in needed)
        if FORM in wanted:
            values += NEAR / 4
        return float(values * (2 * wide + 4) + 12 * 4)

    def begin(self, iteration: int) -> None:
        """See `Encoder.begin`; nothing varies."""

    def _width(self, layer: str) -> int:
        if layer in COLOURS:
            return int(self._colour.shape[0])
        if layer == FORM:
            return FORM2
        return WIDTHS[_octave_of(layer)]

    def _kernel(self, kernel: Tensor) -> Tensor:
        return kernel.to(self.device, self.dtype).contiguous(memory_format=torch.channels_last)

    def _octave(self, x: Tensor, octave: int, needed: set[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        if COLOURS[octave] in needed:
            found[COLOURS[octave]] = F.conv2d(x, self._colour, self._colour_bias).relu_()
        if TEXTURES[octave] in needed:
            padded = _mirrored(x, self._reach)
            kernel, bias = self._texture[octave], self._texture_bias[octave]
            found[TEXTURES[octave]] = F.conv2d(padded, kernel, bias).relu_()
        return found

    def _halved(self, x: Tensor) -> Tensor:
        return F.conv2d(_mirrored(x, 1), self._bell.to(x.dtype), stride=2, groups=3)


def open_lite(
    *, device: torch.device, dtype: torch.dtype = torch.float32, pooling: str = "max"
) -> LiteEncoder:
    """The network, ready on a device; it scales down in one way only, whatever `pooling` says."""
    del pooling
    return LiteEncoder(device=device, dtype=dtype)


def _mirrored(x: Tensor, reach: int) -> Tensor:
    # A mirror needs a picture wider than it is deep; in a narrower one the border repeats.
    mode = "reflect" if min(x.shape[2:]) > reach else "replicate"
    return F.pad(x, (reach,) * 4, mode=mode)


def _beneath(layers: set[str]) -> set[str]:
    """Layers that the learnt one is worked out from."""
    return {"texture1", "texture2"} if FORM in layers else set()


def _octave_of(layer: str) -> int:
    return int(layer[-1]) - 1


def _deepest(layers: set[str]) -> int:
    return max((_octave_of(layer) for layer in layers), default=0)
