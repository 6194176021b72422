"""Shared by all parts of Atelier: settings, options, sentences, files, pictures."""
