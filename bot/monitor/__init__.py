"""For the owner: whether all works, as a page, as a health check, and as figures for Prometheus."""
