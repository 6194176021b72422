"""What every part of Atelier uses and none owns: settings, options, sentences, files, pictures."""
