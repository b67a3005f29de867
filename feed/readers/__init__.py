"""Readers: their states, choices, rights and erasure (laws 7 and 8)."""
