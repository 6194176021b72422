"""Tools for those who work on Atelier; nothing that is shipped or run imports them."""
