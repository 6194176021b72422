"""Scripts that run on the code of either tree: they use only names that both have."""
