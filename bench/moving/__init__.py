"""How steady moving pictures are, and what they cost: six clips, painted both ways."""
