"""The programs measured, each in a separate process so that its memory is its own.

A child reads one JSON object from standard input and writes one as the last line of its output.
"""
