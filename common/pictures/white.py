"""Pictures where nothing can be transparent."""

from PIL import Image


def on_white(image: Image.Image) -> Image.Image:
    """The image in RGB, with white where nothing of it is."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
