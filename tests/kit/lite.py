"""The shapes of lite's weights."""

from engine.lite.network import BY_NAME, CONVOLUTIONS, READINGS


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """Shapes of all weights, by name."""
    found: dict[str, tuple[int, ...]] = {}
    inputs = 3
    for convolution in CONVOLUTIONS:
        side = convolution.kernel_px
        found[f"{convolution.name}.weight"] = (convolution.width, inputs, side, side)
        found[f"{convolution.name}.bias"] = (convolution.width,)
        inputs = convolution.width
    for reading in READINGS:
        found[f"{reading.layer}.weight"] = (reading.width, BY_NAME[reading.source].width)
        found[f"{reading.layer}.bias"] = (reading.width,)
    return found
