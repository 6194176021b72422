"""How the `lite` network is taught, and compared with VGG-19."""
