"""Experiments of the service: which there are, and what they showed (laws 7 and 8)."""
