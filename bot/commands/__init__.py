"""What members and admins use: one module for each command, which ends in its `FEATURE`."""
