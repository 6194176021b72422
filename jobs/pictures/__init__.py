"""Strangers' picture files made safe: upright, sRGB, 8 bits, no metadata, or a sentence."""

from jobs.pictures.decode import DecodeLimits, NormalisedPicture, PictureProblem, normalise
from jobs.pictures.process import DecoderPool

__all__ = ["DecodeLimits", "DecoderPool", "NormalisedPicture", "PictureProblem", "normalise"]
