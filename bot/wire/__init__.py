"""Requests to Discord: errors, acknowledgements, responses by token, uploads."""
