"""A contact sheet of several pictures, some of which may not exist yet."""

from collections.abc import Sequence

from PIL import Image

GAP_PX = 4
EMPTY = (43, 45, 49)


def contact_sheet(pictures: Sequence[Image.Image | None], long_side_px: int) -> Image.Image:
    """Pictures of one shape in two rows, or in one if there are two.

    Args:
        pictures: in order; None leaves a cell empty. At least one is not None.
        long_side_px: longest allowed side of the sheet.
    """
    columns = max(2, (len(pictures) + 1) // 2)
    rows = -(-len(pictures) // columns)
    width, height = next(each.size for each in pictures if each is not None)
    room_x, room_y = long_side_px - GAP_PX * (columns - 1), long_side_px - GAP_PX * (rows - 1)
    scale = min(room_x / (columns * width), room_y / (rows * height))
    cell = max(1, int(width * scale)), max(1, int(height * scale))
    sheet = Image.new(
        "RGB",
        (columns * (cell[0] + GAP_PX) - GAP_PX, rows * (cell[1] + GAP_PX) - GAP_PX),
        EMPTY,
    )
    for number, picture in enumerate(pictures):
        if picture is not None:
            row, column = divmod(number, columns)
            place = column * (cell[0] + GAP_PX), row * (cell[1] + GAP_PX)
            sheet.paste(picture.convert("RGB").resize(cell, Image.Resampling.LANCZOS), place)
    return sheet
