"""Style statistics: measured with the network, from the cache, or from fingerprints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.errors import PaintSettingsError
from engine.networks.encoder import TORCHVISION_STD, Encoder, features_of
from engine.painting.border import covered, inner_guide, inner_moments, inner_part
from engine.painting.calm import calm_parts
from engine.painting.inputs import Style, fitted_size, fitted_style
from engine.painting.memory import tiling_for
from engine.painting.moments import Weighting
from engine.painting.picture import Picture, Size, resized_mask
from engine.painting.plan import Plan
from engine.painting.statistics import (
    LayerMoments,
    MemoryStatistics,
    StatisticsKey,
    StatisticsStore,
    StyleStatistics,
    nearest,
)
from engine.painting.tiles import Region

_COLORS = 3
_CALM = "_calm"
_UNITS = {"caffe": 1.0, "torchvision": 255.0 * sum(TORCHVISION_STD) / 3}


@dataclass(frozen=True, eq=False)
class Measuring:
    """What is needed to measure styles and to build the terms."""

    encoder: Encoder
    """The network."""
    plan: Plan
    """Weights, layers and settings of the losses."""
    core_px: int | None = None
    """Size of tiles; None for whole pictures at once."""
    store: StatisticsStore = field(default_factory=MemoryStatistics)
    """Cache of style statistics."""
    check: Callable[[], None] = lambda: None
    """Called before each tile; may raise to stop."""

    @property
    def unit(self) -> float:
        """Factor that brings features to the units of the plan's losses; see `Encoder.unit`."""
        return self.encoder.unit / _UNITS[self.plan.loss.units]

    @property
    def pixel_unit(self) -> float:
        """Factor that brings pixels, in 0..1, to the units of the plan's losses."""
        return 255.0 if self.plan.loss.units == "caffe" else 1.0

    @property
    def acc_dtype(self) -> torch.dtype:
        """Type in which sums are accumulated: float32 or wider."""
        return torch.promote_types(self.encoder.dtype, torch.float32)


def measure_style(
    encoder: Encoder,
    pixels: Tensor,
    layers: Sequence[str],
    *,
    alpha: Tensor | None = None,
    calm: Tensor | None = None,
    core_px: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, LayerMoments]:
    """Moments of a style picture, by layer, in the network's bases.

    Args:
        encoder: the network.
        pixels: [3, H, W], measured at this size.
        layers: names of layers.
        alpha: weights [H, W] of the pixels; None for 1 everywhere.
        calm: weights [H, W] of calm parts. If given, moments under these weights are returned, too,
            by `calm_name` of each layer.
        core_px: size of tiles; None for the whole picture at once.
        check: called before each tile; may raise to stop.
    """
    picture = pixels[None].to(encoder.device)
    size = (picture.shape[-2], picture.shape[-1])
    tiling = tiling_for(encoder, layers, size, core_px)
    whole = Region(0, size[0], 0, size[1])
    guides = {"": alpha}
    if calm is not None:
        guides[_CALM] = calm if alpha is None else calm * alpha
    found: dict[str, LayerMoments] = {}
    for core in [whole] if tiling is None else tiling.cores():
        check()
        window = whole if tiling is None else tiling.window(core)
        with torch.no_grad():
            features = features_of(encoder, window.of(picture), layers)
            for name in layers:
                stride, border = encoder.stride_px(name), encoder.border(name)
                inner = inner_part(core, size, stride, border)
                own = core.inside(window).at_stride(stride).of(features[name])
                for kind, guide in guides.items():
                    by = Weighting(
                        None
                        if guide is None
                        else inner_guide(guide, core, stride, inner).to(encoder.device),
                        covered(guide, size, stride, border),
                    )
                    (part,) = inner_moments(own, [by], inner)
                    known = found.get(name + kind)
                    found[name + kind] = part if known is None else known.plus(part)
    return {
        name + kind: found[name + kind].in_basis(encoder.basis(name)).symmetrized()
        for kind in guides
        for name in layers
    }


def calm_name(layer: str) -> str:
    """The name of a layer's moments in calm parts."""
    return f"{layer}{_CALM}"


def is_calm(name: str) -> bool:
    """Whether this is the name of moments in calm parts."""
    return name.endswith(_CALM)


def style_statistics(
    measuring: Measuring, style: Style, picture: Size
) -> Mapping[str, LayerMoments]:
    """A style's moments for a painting of this size, with those of its calm parts.

    The latter only where the plan asks for them and there is a picture of the style.

    Raises:
        PaintSettingsError: the fingerprints were made with other settings.
    """
    encoder, plan = measuring.encoder, measuring.plan
    layers = [name for name in encoder.layers if name in plan.style_layers]
    if style.picture is None:
        return _from_fingerprints(measuring, style, picture, layers)
    size = fitted_size(style.picture.size, picture, plan.style_scale, plan.style_fit)
    tiling = tiling_for(encoder, layers, size, measuring.core_px)
    key = StatisticsKey.of(
        encoder,
        f"{style.picture.hash}-{plan.style_fit}",
        size,
        device=_rounding(encoder.device),
        tile_px=0 if tiling is None else tiling.core_px,
        origin=style.origin,
    )
    wanted = [*layers, *(calm_name(name) for name in layers)] if plan.calm else layers
    known = measuring.store.get(key, wanted)
    if known is None:
        pixels, alpha, calm = _fitted(style.picture, picture, plan)
        found = measure_style(
            encoder,
            pixels,
            layers,
            alpha=alpha,
            calm=calm,
            core_px=measuring.core_px,
            check=measuring.check,
        )
        measuring.store.put(StyleStatistics(key, found))
        return found
    return {name: known.layers[name] for name in wanted}


def _rounding(device: torch.device) -> str:
    """What rounds alike: torch on a device. A CPU's threads share sums, by its instructions."""
    found = f"{device.type}, torch {torch.__version__}"
    match device.type:
        case "cpu":
            instructions = torch.backends.cpu.get_cpu_capability()
            return f"{found}, {instructions}, {torch.get_num_threads()} threads"
        case "cuda":
            return f"{found}, {torch.cuda.get_device_name(device)}"
    return found


def _fitted(
    style: Picture, picture: Size, plan: Plan
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Pixels, alpha and calm parts of a style for a scale of the painting."""
    planes = [style.pixels]
    if style.alpha is not None:
        planes.append(style.alpha[None])
    if plan.calm:
        planes.append(resized_mask(calm_parts(style.pixels), style.size)[None])
    made = fitted_style(torch.cat(planes), picture, plan.style_scale, plan.style_fit)
    return (
        made[:_COLORS],
        None if style.alpha is None else made[_COLORS],
        made[-1] if plan.calm else None,
    )


def _from_fingerprints(
    measuring: Measuring, style: Style, picture: Size, layers: Sequence[str]
) -> Mapping[str, LayerMoments]:
    encoder = measuring.encoder
    fitting = [
        one
        for one in style.fingerprints
        if one.key.encoder == encoder.name
        and one.key.weights == encoder.weights_hash
        and one.key.pooling == encoder.pooling
        and set(layers) <= set(one.layers)
    ]
    if not fitting:
        raise PaintSettingsError(
            "There are no statistics of {style} for the {network} network with these layers and "
            "{pooling} pooling; its picture is needed.",
            style=style.name,
            network=encoder.name,
            pooling=encoder.pooling,
        )
    found = nearest(fitting, round(max(picture) * measuring.plan.style_scale)).layers
    calm = [calm_name(name) for name in layers] if measuring.plan.calm else []
    wanted = [*layers, *calm] if set(calm) <= set(found) else layers
    return {name: found[name] for name in wanted}
