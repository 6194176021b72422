"""Trains the `lite` network, and compares it with VGG-19."""
