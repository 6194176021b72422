"""The small network that needs no weights, and what belongs to it."""
