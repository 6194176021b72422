"""One small file of each kind that people attach, with its expected appearance.

Tests compare the decoder with these values; `python -m tools.picture_files` compares both with
Chromium, and writes the table of `docs/picture-files.md`.
"""

from tools.picture_files.animations import CASES as _ANIMATIONS
from tools.picture_files.bmps import CASES as _BMPS
from tools.picture_files.case import Case
from tools.picture_files.heifs import CASES as _HEIFS
from tools.picture_files.jpegs import CASES as _JPEGS
from tools.picture_files.pngs import CASES as _PNGS
from tools.picture_files.tiff_colors import CASES as _TIFF_COLORS
from tools.picture_files.tiffs import CASES as _TIFFS

CASES: tuple[Case, ...] = (*_PNGS, *_JPEGS, *_HEIFS, *_BMPS, *_ANIMATIONS, *_TIFFS, *_TIFF_COLORS)

__all__ = ["CASES", "Case"]
