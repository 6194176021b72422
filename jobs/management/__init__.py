"""What members and admins manage: jobs, limits, blocks, pauses, styles, galleries."""
