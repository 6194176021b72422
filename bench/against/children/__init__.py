"""Scripts that run on either tree's code; they use only names that both have."""
