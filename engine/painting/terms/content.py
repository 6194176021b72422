"""Content: the picture's features should equal the photograph's at each position."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.networks.encoder import Basis
from engine.painting.inputs import Inputs
from engine.painting.losses import content_loss
from engine.painting.measuring import Measuring
from engine.painting.memory import tiling_for
from engine.painting.picture import resized_mask
from engine.painting.terms.content_targets import ContentTargets
from engine.painting.terms.term import OwnFeatures, Sums, Term
from engine.painting.tiles import guide_at


@dataclass(frozen=True, eq=False)
class ContentTerm(Term):
    """Σ over layers of `weight · Σ (F − P)²`; see `engine.painting.losses.content_loss`."""

    weights: Mapping[str, Tensor]
    targets: ContentTargets
    bases: Mapping[str, Basis | None]
    strides: Mapping[str, int]
    attention: Tensor | None = None
    """[H, W]: a factor of the weight for each pixel; None for 1 everywhere."""
    name = "content"

    @property
    def layers(self) -> tuple[str, ...]:
        """See `Term.layers`."""
        return tuple(self.weights)

    @classmethod
    def made(cls, measuring: Measuring, inputs: Inputs, content: Tensor) -> "ContentTerm":
        """As the plan says; see `engine.painting.terms.MakeTerm`."""
        encoder, plan = measuring.encoder, measuring.plan
        weighed = plan.weights["content"] > 0
        layers = [name for name in encoder.layers if weighed and name in plan.content_layers]
        size = (content.shape[-2], content.shape[-1])
        tiling = tiling_for(encoder, layers, size, measuring.core_px)
        targets = (
            ContentTargets.of_whole(encoder, content, layers)
            if tiling is None
            else ContentTargets.of_tiles(encoder, content, layers, tiling, measuring.check)
        )
        weights: dict[str, Tensor] = {}
        for name in layers:
            factor = plan.weights["content"] * plan.content_layers[name]
            if plan.loss.content == "half-sum":
                factor *= 0.5
            else:
                factor /= targets.count(name)
            if plan.loss.units == "relative":
                factor /= max(targets.mean_square[name], 1e-12)
            else:
                factor *= measuring.unit**2
            weights[name] = torch.tensor(factor, device=encoder.device, dtype=measuring.acc_dtype)
        return cls(
            weights,
            targets,
            {name: encoder.basis(name) for name in layers},
            {name: encoder.stride_px(name) for name in layers},
            _attention(measuring, inputs, content),
        )

    def at_features(self, own: OwnFeatures, grads: Sums) -> Tensor:  # noqa: ARG002 (no sums)
        """See `Term.at_features`."""
        weights = self.weights[own.layer]
        if self.attention is not None:
            weights = weights * guide_at(self.attention, own.core, self.strides[own.layer])
        target = self.targets.part(own.layer, own.place)
        loss = content_loss(
            own.values, target, weights, own.grad, fresh=own.fresh, basis=self.bases[own.layer]
        )
        own.fresh = False
        return loss

    def close(self) -> None:
        """Free the photograph's features."""
        self.targets.close()


def _attention(measuring: Measuring, inputs: Inputs, content: Tensor) -> Tensor | None:
    """The greater weight of faces, see `engine.recipes.recipe.Loss`."""
    if inputs.faces is None:
        return None
    mask = resized_mask(inputs.faces, (content.shape[-2], content.shape[-1]))
    return 1 + measuring.plan.loss.faces * mask.to(measuring.encoder.device, measuring.acc_dtype)
