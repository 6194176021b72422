"""Styles that are kept: scans of the catalogue's paintings, and statistics of pictures."""
