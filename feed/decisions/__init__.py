"""Decisions on their way through the one write door, and what follows from them (laws 1, 9 and 11)."""
