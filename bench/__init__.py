"""Benchmarks: each writes a table and plots under bench/results."""
