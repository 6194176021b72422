"""Paint with `pystiche` 1.0.1, as in the first example of its documentation.

Its import reads addresses of weights (`model_urls`) which later torchvision has no more; empty
ones are put in their place. Nothing else is changed.
"""

import sys
from typing import Any

from PIL import Image
from torchvision.transforms.functional import to_pil_image, to_tensor

from bench.children.clock import Clock, answer, receive
from bench.children.neural_style import caffe_weights

_NETWORKS = {"alexnet": ["alexnet"], "vgg": ["vgg11", "vgg13", "vgg16", "vgg19"]}
_NETWORKS["vgg"] += [f"{name}_bn" for name in _NETWORKS["vgg"]]


def main() -> None:
    """Optimise with its default optimiser, L-BFGS of one step at a time."""
    task = receive()
    for name, networks in _NETWORKS.items():
        vars(sys.modules[f"torchvision.models.{name}"])["model_urls"] = dict.fromkeys(networks, "")
    from pystiche import enc, loss, optim  # noqa: PLC0415 (after the line above)

    encoder = enc.VGGMultiLayerEncoder("vgg19", pretrained=False, framework="caffe")
    encoder.load_state_dict(caffe_weights(task["weights"]), strict=False, framework="caffe")
    encoder.requires_grad_(False)
    content_loss = loss.FeatureReconstructionLoss(
        encoder.extract_encoder(task["content_layers"]), score_weight=1e0
    )
    style_loss = loss.MultiLayerEncodingLoss(
        encoder,
        task["style_layers"].split(","),
        lambda part, weight: loss.GramLoss(part, score_weight=weight),
        layer_weights="mean",
        score_weight=1e3,
    )
    criterion = loss.PerceptualLoss(content_loss, style_loss)
    content = _picture(task["content"], task["size_px"])
    criterion.set_content_image(content)
    criterion.set_style_image(_picture(task["style"], task["size_px"]))
    clock = Clock()
    picture = content.clone()

    def noted(image: Any) -> Any:
        optimizer = optim.default_image_optimizer(image)
        step = optimizer.step

        def timed(closure: Any) -> Any:
            found = step(closure)
            clock.mark(len(clock.marks) + 1)
            return found

        optimizer.step = timed
        return optimizer

    result = optim.image_optimization(
        picture, criterion, optimizer=noted, num_steps=task["iterations"], quiet=True
    )
    if task.get("out"):
        to_pil_image(result[0].clamp(0, 1)).save(task["out"])
    answer(marks=clock.marks)


def _picture(path: str, size_px: int) -> Any:
    with Image.open(path) as image:
        plain = image.convert("RGB")
    factor = size_px / max(plain.size)
    size = round(plain.width * factor), round(plain.height * factor)
    return to_tensor(plain.resize(size, Image.Resampling.LANCZOS))[None]


if __name__ == "__main__":
    main()
