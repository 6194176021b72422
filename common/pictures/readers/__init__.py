"""A reader for each format, from a file's bytes to a `Raster`, with the library that suits it."""
