"""Moving pictures: the clip file, its timing, decoding and encoding."""
