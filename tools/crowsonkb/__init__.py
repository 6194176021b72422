"""Comparison with crowsonkb/style-transfer-pytorch: same pairs and weights, its own schedule.

The user installs the program into a folder and passes that to the command; nothing of it is in this
repository.
"""
