"""Each recipe's loss against an independent implementation of its papers' formulas."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from common.options import PaintOptions
from engine.painting import PaintSettingsError, Picture, Style
from engine.painting.calm import calm_parts
from engine.recipes.recipe import load_recipe, parse_recipe, recipe_names
from tests.kit.thin_vgg19 import noise_picture, paint_and_collect, thin_studio, thin_weights

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT = noise_picture(48, 64)
STYLE = noise_picture(48, 64, seed=1)
ITERATIONS = 30
CAFFE_SCALE = 255 * (0.229 + 0.224 + 0.225) / 3


def reference_network(picture: Tensor, pool: str) -> dict[str, Tensor]:
    tensors = {name: tensor.float() for name, tensor in thin_weights().tensors.items()}
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = (picture - mean) / std
    found: dict[str, Tensor] = {}
    index = 0
    for block, count in enumerate((2, 2, 4, 4, 1), start=1):
        for number in range(1, count + 1):
            weight, bias = tensors[f"features.{index}.weight"], tensors[f"features.{index}.bias"]
            mode = "replicate" if index == 0 else "constant"
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), weight, bias).relu()
            found[f"relu{block}_{number}"] = x
            index += 2
        x = F.max_pool2d(x, 2) if pool == "max" else F.avg_pool2d(x, 2)
        index += 1
    return found


def variation(picture: Tensor) -> Tensor:
    x = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    here = x[:, :, 1:-1, 1:-1]
    straight = (x[:, :, 1:-1, 2:] - here) ** 2 + (x[:, :, 2:, 1:-1] - here) ** 2
    diagonal = (x[:, :, 2:, 2:] - here) ** 2 + (x[:, :, 2:, :-2] - here) ** 2
    return (straight * 2 / 3 + diagonal / 6).sum()


def gram_sum(features: Tensor) -> Tensor:
    flat = features[0].flatten(1)
    return flat @ flat.T


def gatys_loss(picture: Tensor) -> Tensor:
    found, content, style = (reference_network(x, "average") for x in (picture, *SOURCES))
    loss = 1e-4 * 0.5 * ((found["relu4_2"] - content["relu4_2"]) * CAFFE_SCALE).square().sum()
    for name in STYLE_LAYERS:
        channels, positions = found[name].shape[1], found[name][0, 0].numel()
        error = (
            (gram_sum(found[name] * CAFFE_SCALE) - gram_sum(style[name] * CAFFE_SCALE))
            .square()
            .sum()
        )
        loss = loss + 5 / 5 * error / (4 * channels**2 * positions**2)
    return loss


def relative_loss(
    picture: Tensor,
    content_weight: float,
    tv_weight: float,
    *,
    target: Tensor | None = None,
    shares: tuple[float, ...] = (0.2, 0.2, 0.2, 0.2, 0.2),
    moments_weight: float = 0.0,
    calm_weight: float = 0.0,
) -> Tensor:
    target = SOURCES[0] if target is None else target
    found, content, style = (reference_network(x, "max") for x in (picture, target, SOURCES[1]))
    kept = content["relu4_2"]
    loss = content_weight * (found["relu4_2"] - kept).square().sum() / kept.square().sum()
    calm = calm_parts(SOURCES[0][0])
    whole = float((1 / (1 + calm_weight * calm)).mean())
    for block, (name, share) in enumerate(zip(STYLE_LAYERS, shares, strict=True)):
        gram, stride = gram_sum(style[name]), 2**block
        distance = (gram_sum(found[name]) - gram).square().sum() / gram.square().sum()
        loss = loss + share * whole * distance
        one, two = found[name][0].flatten(1), style[name][0].flatten(1)
        epsilon = two.square().mean() * 1e-5
        for found_value, expected in (
            (one.mean(1), two.mean(1)),
            (
                (one.var(1, unbiased=False) + epsilon).sqrt(),
                (two.var(1, unbiased=False) + epsilon).sqrt(),
            ),
        ):
            weight = moments_weight * share * whole
            loss = loss + weight * (found_value - expected).square().sum() / expected.square().sum()
        if calm_weight:
            loss = loss + share * (1 - whole) * calm_distance(one, two, stride, epsilon)
    return loss + tv_weight * variation(picture) / (picture.shape[2] * picture.shape[3])


def calm_distance(found: Tensor, style: Tensor, stride: int, epsilon: Tensor) -> Tensor:
    """Distance of the centered moments of features [C, P] in the calm parts of both pictures."""
    covariances, deviations = [], []
    for features, source in ((found, SOURCES[0]), (style, SOURCES[1])):
        counts = F.avg_pool2d(calm_parts(source[0])[None], stride).flatten()
        counts = counts / counts.sum()
        centered = features - (features @ counts)[:, None]
        covariances.append((centered * counts) @ centered.T)
        deviations.append((covariances[-1].diagonal() + epsilon).sqrt())
    (one, two), (found_value, expected) = covariances, deviations
    changes = (found_value - expected).square().sum() / expected.square().sum()
    return (one - two).square().sum() / two.square().sum() + changes


def atelier_loss(picture: Tensor) -> Tensor:
    shares = tuple(weight / 3.7 for weight in (1.0, 1.0, 1.0, 0.5, 0.2))
    target = STARTS["atelier"]
    loss = relative_loss(
        picture, 0.33, 0.1, target=target, shares=shares, moments_weight=1.0, calm_weight=1.0
    )
    return loss + 10 * grain(picture - target)


def grain(change: Tensor) -> Tensor:
    """Mean of the squared fourth differences along both axes, inside the picture."""
    kernel = torch.tensor([1.0, -4.0, 6.0, -4.0, 1.0]) / 16
    down = F.conv2d(change[0, :, None], kernel.view(1, 1, 5, 1))
    across = F.conv2d(change[0, :, None], kernel.view(1, 1, 1, 5))
    both: Tensor = down.square().sum() + across.square().sum()
    return both / (change.shape[2] * change.shape[3])


def recolored_content(style: Tensor) -> Tensor:
    """The photograph recolored by the map of Pitié and Kokaram (2007).

    The map A is linear, and A Σ Aᵀ is the covariance of the style. Colors are in luma and
    chroma of BT.601, with chroma scaled by 3.
    """
    blue, red = (0, 0, 1), (1, 0, 0)
    gray = torch.tensor([0.299, 0.587, 0.114])
    chroma_axes = [
        3 * (torch.tensor(one) - gray) / (2 - 2 * gray[one.index(1)]) for one in (blue, red)
    ]
    axes = torch.stack([gray, *chroma_axes]).double()
    photograph, expected = (axes @ x[0].flatten(1).double() for x in (SOURCES[0], style))
    root, target_root = (matrix_root(torch.cov(x, correction=0)) for x in (photograph, expected))
    inverse = torch.linalg.inv(root)
    transform = inverse @ matrix_root(root @ target_root @ target_root @ root) @ inverse
    mapped = transform @ (photograph - photograph.mean(1, keepdim=True)) + expected.mean(
        1, keepdim=True
    )
    colors = torch.linalg.inv(axes) @ mapped
    # Light follows a curve, unless the map inverted it.
    before, after = (LUMA @ x for x in (SOURCES[0][0].flatten(1).double(), colors))
    kept = float(torch.corrcoef(torch.stack([before, after]))[0, 1])
    light = match_light(before, LUMA @ style[0].flatten(1).double())
    with_curve = colors + light - after
    share = min(1.0, max(0.0, (kept - 0.4) / 0.2))
    recolored = torch.lerp(colors, with_curve, share).clamp(0, 1).float().view_as(SOURCES[0])
    return torch.lerp(SOURCES[0], recolored, 0.7)


LUMA = torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64)


def match_light(light: Tensor, expected: Tensor) -> Tensor:
    """Raise light to a power for the wanted mean, then spread it to the wanted deviation."""
    powers = torch.logspace(-1, 1, 2001, base=2, dtype=torch.float64)
    errors = [abs(float((light**power).mean() - expected.mean())) for power in powers]
    powered = light ** powers[errors.index(min(errors))]
    middle, more = powered.mean(), expected.std(correction=0) / powered.std(correction=0)
    room = torch.where(powered > middle, 1 - middle, middle)
    share = (powered - middle).abs() / room
    spread = more * share / (1 + (more - 1) * share) if more > 1 else more * share
    return middle + (powered - middle).sign() * room * spread


def matrix_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def large_loss(picture: Tensor) -> Tensor:
    return relative_loss(picture, 0.01, 0.1)


def wasserstein_loss(picture: Tensor) -> Tensor:
    found, content, style = (reference_network(x, "max") for x in (picture, *SOURCES))
    loss = 0.015 * (found["relu4_2"] - content["relu4_2"]).square().mean()
    weights = dict(zip(STYLE_LAYERS, (256, 64, 16, 4, 1), strict=True))
    for name, weight in weights.items():
        one, two = found[name][0].flatten(1), style[name][0].flatten(1)
        ridge = 1e-4 * two.square().mean() * torch.eye(len(two))
        first = torch.cov(one, correction=0) + ridge
        second = torch.cov(two, correction=0) + ridge
        # The trace of (ΣΣ̂)^½ by the eigenvalues of the non-symmetric product.
        cross = torch.linalg.eigvals(first @ second).real.clamp(min=0).sqrt().sum()
        means = (one.mean(1) - two.mean(1)).square().sum()
        distance = means + first.trace() + second.trace() - 2 * cross
        loss = loss + weight / sum(weights.values()) * distance / len(one)
    x = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    return loss + 2 * variation(picture) / x[:, :, 1:-1, 1:-1].numel()


SOURCES = (CONTENT.pixels[None], STYLE.pixels[None])
STARTS = {"atelier": recolored_content(SOURCES[1])}
REFERENCE_LOSSES = {
    "atelier": atelier_loss,
    "gatys": gatys_loss,
    "large": large_loss,
    "wasserstein": wasserstein_loss,
}


def reference_loss(name: str) -> float:
    """The loss that torch's optimizer reaches in the same number of iterations."""
    recipe = load_recipe(name)
    picture = STARTS.get(name, SOURCES[0]).clone().requires_grad_()
    if recipe.optimizer.name == "lbfgs":
        optimizer: torch.optim.Optimizer = torch.optim.LBFGS(
            [picture], max_iter=ITERATIONS, max_eval=2 * ITERATIONS, history_size=10
        )
    else:
        optimizer = torch.optim.Adam(
            [picture], lr=recipe.optimizer.step, betas=recipe.optimizer.betas
        )

    def closure() -> float:
        optimizer.zero_grad()
        loss = REFERENCE_LOSSES[name](picture)
        loss.backward()  # type: ignore[no-untyped-call]  # (torch does not type it)
        return float(loss.detach())

    for _ in range(1 if recipe.optimizer.name == "lbfgs" else ITERATIONS):
        optimizer.step(closure)
        with torch.no_grad():
            picture.clamp_(0, 1)
    return float(REFERENCE_LOSSES[name](picture.detach()))


@pytest.mark.parametrize("name", sorted(REFERENCE_LOSSES))
def test_recipe_loss_matches_the_paper_and_reaches_the_reference_loss(name: str) -> None:
    options = PaintOptions(size_px=64, scales=1, iterations=ITERATIONS, recipe=name, start="file")
    start = Picture(STARTS.get(name, SOURCES[0])[0])
    painted, _ = paint_and_collect(
        options, thin_studio(), content=CONTENT, styles=[Style(STYLE)], start=start
    )
    first = painted.report.losses[0].total
    assert first == pytest.approx(
        float(REFERENCE_LOSSES[name](STARTS.get(name, SOURCES[0]))), rel=2e-3
    )
    reached = float(REFERENCE_LOSSES[name](painted.picture.pixels[None]))
    assert reached < first
    # An average of iterates may be slightly worse than the last one.
    assert reached <= reference_loss(name) * 1.1


def test_every_recipe_is_tested() -> None:
    assert set(REFERENCE_LOSSES) == set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_fall_back_where_weights_end_early(name: str) -> None:
    recipe = load_recipe(name)
    shallow = recipe.choice_for([f"relu{n}_{m}" for n in (1, 2, 3) for m in (1, 2, 3, 4)])
    assert shallow is not None
    assert set(shallow.style) >= {"relu1_1", "relu2_1", "relu3_1"}
    assert recipe.choice_for(["relu1_1"]) is None


def test_a_choice_of_layers_may_have_its_own_iterations() -> None:
    text = """title = "x"
[pyramid.lbfgs]
first = 9
later = 5
[[choices]]
content = { deep = 1.0 }
style = { deep = 1.0 }
content_weight = 1.0
lbfgs = { first = 3, later = 2 }
[[choices]]
content = { shallow = 1.0 }
style = { shallow = 1.0 }
content_weight = 1.0
"""
    recipe = parse_recipe(text, "mine")
    for layers, first, later in ((["deep"], 3, 2), (["shallow"], 9, 5)):
        choice = recipe.choice_for(layers)
        assert choice is not None
        counts = recipe.for_choice(choice).pyramid.lbfgs
        assert (counts.first, counts.later) == (first, later)


def test_invalid_recipe_is_refused_naming_the_place() -> None:
    with pytest.raises(PaintSettingsError, match="pyramid"):
        parse_recipe('title = "x"\n[pyramid]\nfactor = 0.5\n', "mine")
    with pytest.raises(PaintSettingsError, match="cannot be read"):
        parse_recipe("title = ", "mine")
