"""Avatars of the sandbox's users, drawn on request."""

import io

from PIL import Image, ImageDraw


def draw_avatar(color: str, size_px: int) -> bytes:
    """A face on a colored background, as a PNG of this size."""
    picture = Image.new("RGB", (size_px, size_px), color)
    draw = ImageDraw.Draw(picture)

    def disc(x: float, y: float, radius: float, fill: str) -> None:
        box = [(x - radius, y - radius), (x + radius, y + radius)]
        draw.ellipse([(left * size_px, top * size_px) for left, top in box], fill=fill)

    disc(0.5, 1.05, 0.38, "#2b2d31")
    disc(0.5, 0.45, 0.27, "#f2c9a1")
    disc(0.5, 0.27, 0.2, "#4a3728")
    for x in (0.4, 0.6):
        disc(x, 0.45, 0.03, "#1e1f22")
    draw.arc(
        [(0.4 * size_px, 0.46 * size_px), (0.6 * size_px, 0.62 * size_px)],
        20,
        160,
        fill="#8a3b2e",
        width=max(1, size_px // 40),
    )
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
