"""The root of our errors; each part of Atelier has its own below it, and all end in `Error`.

What is explained to the people who use the bot derives from `common.sentences.Problem`, whose
sentence is said in their language.
"""


class AtelierError(Exception):
    """Something is wrong that is known; the text says what, in English."""
