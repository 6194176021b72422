"""For each format, from a file's bytes to a `Raster`, by the library that reads it right."""
