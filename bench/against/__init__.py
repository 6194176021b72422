"""`python -m bench against COMMIT`: this code beside an older one, in turns, as ratios."""
