"""`python -m bench against COMMIT`: compares this code with an older commit, alternating."""
