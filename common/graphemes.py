"""Characters as people see them: an emoji or a letter with its accents may be several code points.

An approximation of https://www.unicode.org/reports/tr29/ for what people type; the alphabets of
India and Korea have further rules, which `unicodedata` does not know.
"""

import unicodedata

JOINER = "\u200d"
NON_JOINER = "\u200c"
BLACK_FLAG = "\U0001f3f4"
LONGEST = 32
"""Code points; what is longer is no character that anybody can read."""


def is_tag(character: str) -> bool:
    """Whether it is an invisible letter after a black flag, which makes it Scotland's, say."""
    return "\U000e0020" <= character <= "\U000e007f"


def is_inside(text: str, at: int) -> bool:
    """Whether a cut at this place would divide a character."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    is_attached = unicodedata.category(after)[0] == "M" or after in {JOINER, NON_JOINER}
    if is_attached or is_tag(after) or _is_skin_tone(after) or before == JOINER:
        return True
    if not _is_flag_letter(after):
        return False
    letters = at  # before the cut; two make a flag
    while letters and _is_flag_letter(text[letters - 1]):
        letters -= 1
    return (at - letters) % 2 == 1


def cut(text: str, limit: int) -> str:
    """The beginning of a text, of at most `limit` code points, without a divided character."""
    end = min(limit, len(text))
    for shorter in range(end, max(0, end - LONGEST), -1):
        if not is_inside(text, shorter):
            return text[:shorter]
    return text[:end]


def count(text: str) -> int:
    """Number of characters."""
    return sum(not is_inside(text, at) for at in range(len(text)))


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
