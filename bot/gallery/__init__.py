"""Looking at pictures: one's own, those of a server, and the styles there are to choose from."""
