"""Benchmarks; most write a table and its figures under bench/results."""
