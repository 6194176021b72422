"""The root of our errors; each part of Atelier has its own below it, and all end in `Error`.

What is explained to people derives from `common.sentences.ExplainedError`, whose sentence is said
in their language.
"""


class AtelierError(Exception):
    """Something is wrong that is known; the text says what, in English."""
