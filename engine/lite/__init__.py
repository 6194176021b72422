"""The small network that comes with the package; `tools.lite` trains it."""
