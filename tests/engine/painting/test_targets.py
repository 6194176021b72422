import torch

from common.options import PaintOptions
from engine.networks.vgg19 import Vgg19
from engine.painting import Style
from engine.painting.inputs import Inputs
from engine.painting.measuring import Measuring, style_statistics
from engine.painting.objective import make_objective
from engine.painting.plan import make_plan
from engine.painting.statistics import MemoryStatistics, StyleStatistics
from engine.painting.style_targets import GramTarget
from engine.painting.terms.style import StyleTerm
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import noise_picture, thin_vgg19, thin_weights


class CpuStatistics(MemoryStatistics):
    """A statistics store that returns CPU tensors, like one that reads files."""

    def put(self, statistics: StyleStatistics) -> None:
        """Store only statistics that were measured on the CPU."""
        if next(iter(statistics.layers.values())).mean.device.type == "cpu":
            super().put(statistics)


def test_kept_and_measured_statistics_are_moved_to_the_device() -> None:
    meta = torch.device("meta")  # the only other device that every machine has
    encoder = thin_vgg19(dtype=torch.float32)
    options = PaintOptions(size_px=64, scales=1, content_weight=0)
    plan = make_plan(options, load_recipe("atelier"), encoder, (48, 64))
    first, second = (Style(noise_picture(56, 40, seed=seed)) for seed in (1, 2))
    store = CpuStatistics()
    style_statistics(Measuring(encoder, plan, store=store), first, (48, 64))
    (stored,) = store._kept.values()
    from_fingerprint = Style(fingerprints=[stored], name="shipped")
    meta_encoder = Vgg19(thin_weights(), device=meta)
    content = noise_picture(48, 64)
    objective = make_objective(
        Measuring(meta_encoder, plan, store=store),
        Inputs(content, (from_fingerprint, second)),
        content.pixels[None].to(meta),
    )
    style = objective.terms[0]
    assert isinstance(style, StyleTerm)
    assert style.targets
    devices = {
        one.target.mean.device for one in style.targets if isinstance(one.target, GramTarget)
    }
    assert devices == {meta}
