"""The small network that comes with the package, and how it is taught."""
