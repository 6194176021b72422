"""Monitoring for the owner: a page, a health check, and metrics for Prometheus."""
