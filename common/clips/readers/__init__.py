"""Readers for the frames of untrusted animations and films, one module per format."""
