"""Readers for the frames of untrusted animations and videos, one module per format."""
