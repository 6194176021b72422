"""Light that is brighter than paper, brought to what a common screen can show.

The curve leaves everything up to three quarters of paper white (203 cd/m², BT.2408) as it is, and
bends what is above towards white with Reinhard's extended operator (Photographic Tone Reproduction,
2002, equation 4), whose slope there is 1, so that no edge shows; the picture's peak ends at white.
Faces and paper keep their brightness: paper white itself ends at 240 of 255. Chromium halves
all light up to paper white to leave room for highlights (203 cd/m² ends at 187), which makes the
same picture darker beside pictures that are not HDR.
"""

import numpy as np

from common.pictures.transfer import PAPER_WHITE_NITS, Floats

KNEE = 0.75
USUAL_PEAK_NITS = 1000.0


def tone_mapped(light: Floats, peak_nits: float | None) -> Floats:
    """[..., 3] relative to paper white, in 0..1; hues are kept, as the greatest channel decides.

    Args:
        light: Linear light in the chromaticities of the file.
        peak_nits: The brightest that the picture holds; 1,000 cd/m² where that is not told.
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
