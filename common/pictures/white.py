"""Removes transparency."""

from PIL import Image


def on_white(image: Image.Image) -> Image.Image:
    """The image in RGB, over white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
