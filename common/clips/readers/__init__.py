"""What reads the frames of strangers' animations and films, a module for each kind."""
