"""Handlers of the buttons under a picture."""
