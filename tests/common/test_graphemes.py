import pytest

from common.graphemes import count, cut

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
CHARACTERS = (
    FAMILY,
    SCOTLAND,
    "\U0001f1e9\U0001f1ea",  # the flag of Germany
    "\U0001f1eb\U0001f1f7",
    "\U0001f44d\U0001f3fd",  # with a skin tone
    "\u2764\ufe0f",
    "1\ufe0f\u20e3",
    "x\u0304",
    "a",
)


@pytest.mark.parametrize("character", CHARACTERS)
def test_emoji_or_accented_letter_is_one_character_that_is_not_divided(character: str) -> None:
    assert count(character) == 1
    assert count(character * 3) == 3
    text = "a" + character * 2
    for limit in range(len(text) + 1):
        whole = [text[:end] for end in (0, 1, 1 + len(character), len(text))]
        assert cut(text, limit) == max(each for each in whole if len(each) <= limit)


def test_endless_accents_do_not_hide_the_text_before_them() -> None:
    text = "a" * 10 + "\u0301" * 1000
    assert cut(text, 500) == text[:500]
