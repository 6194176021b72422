"""The small network that comes with the package; `tools.lite` teaches it."""
