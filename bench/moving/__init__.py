"""Temporal stability and cost of clips: six clips, painted as clips and frame by frame."""
