"""What members and admins can use, a module each, which ends in the `FEATURE` that it offers."""
