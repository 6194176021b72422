"""What is measured, each in a process of its own: its memory is counted from the start.

A child reads one JSON object from standard input and writes one as the last line of its output.
"""
