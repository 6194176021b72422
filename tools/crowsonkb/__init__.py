"""Beside crowsonkb/style-transfer-pytorch: the same pairs, the same weights, its own schedule.

The program is installed by who compares, into a folder that the command is given; nothing of it
is in this repository.
"""
