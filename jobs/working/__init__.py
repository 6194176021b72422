"""The engines' side: claims, leases, engines, and how a job leaves an engine."""
