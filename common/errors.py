"""The base class of our errors; their names end in `Error`.

Errors that are explained to users derive from `common.sentences.ExplainedError`, which has a
translatable sentence.
"""


class AtelierError(Exception):
    """A known problem; the text says what it is, in English."""
