"""Moving pictures: frame after frame, each begun from those before it (Ruder et al., 2016)."""
