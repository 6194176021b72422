"""The painter as a library: style transfer by optimisation, exact at any size.

`paint` is the entrance; what it needs and gives is named here too.
"""

from engine.errors import PaintingFailedError, PaintingStoppedError, PaintSettingsError
from engine.painting.devices import choose_device, parse_allowance, parse_memory
from engine.painting.events import (
    Event,
    Losses,
    Painted,
    Prepared,
    Preparing,
    Recovered,
    Report,
    Retiled,
    ScaleStarted,
    Stepped,
)
from engine.painting.inputs import Style
from engine.painting.painter import paint
from engine.painting.picture import Picture, mask_from_image
from engine.painting.studio import Control, Studio

__all__ = [
    "Control",
    "Event",
    "Losses",
    "PaintSettingsError",
    "Painted",
    "PaintingFailedError",
    "PaintingStoppedError",
    "Picture",
    "Prepared",
    "Preparing",
    "Recovered",
    "Report",
    "Retiled",
    "ScaleStarted",
    "Stepped",
    "Studio",
    "Style",
    "choose_device",
    "mask_from_image",
    "paint",
    "parse_allowance",
    "parse_memory",
]
