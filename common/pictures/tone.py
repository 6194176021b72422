"""Tone mapping of HDR pictures to what a common screen can show.

Light up to three quarters of paper white (203 cd/m², BT.2408) is unchanged. What is above is
compressed with Reinhard's extended operator (Photographic Tone Reproduction, 2002, equation 4),
which starts with slope 1, so that no edge shows; the picture's peak becomes white. Faces and paper
keep their brightness: paper white becomes 240 of 255. Chromium instead halves all light up to paper
white to leave room for highlights (203 cd/m² becomes 187), which makes the same picture darker than
others that are not HDR.
"""

import numpy as np

from common.pictures.transfer import PAPER_WHITE_NITS, Floats

KNEE = 0.75
USUAL_PEAK_NITS = 1000.0


def tone_mapped(light: Floats, peak_nits: float | None) -> Floats:
    """Map [..., 3] relative to paper white to 0..1; hues are kept, as the largest channel decides.

    Args:
        light: Linear light in the file's primaries.
        peak_nits: The picture's brightest pixel in cd/m²; None: 1,000.
    """
    peak = max(1.0, (peak_nits or USUAL_PEAK_NITS) / PAPER_WHITE_NITS)
    if peak == 1.0:
        return np.clip(light, 0, 1)
    greatest = light.max(axis=-1)
    above = np.maximum(greatest - KNEE, 0) / (1 - KNEE)
    end = (peak - KNEE) / (1 - KNEE)
    bent = KNEE + (1 - KNEE) * above * (1 + above / end**2) / (1 + above)
    mapped = np.where(greatest <= KNEE, greatest, np.minimum(bent, 1))
    out: Floats = light * (mapped / np.maximum(greatest, 1e-6))[..., None]
    return out
