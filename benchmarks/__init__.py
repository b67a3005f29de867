"""Measures Weir against its peers in the same run, and writes BENCHMARKS.md."""
