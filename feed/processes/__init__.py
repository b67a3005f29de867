"""Processes: serving, workers beside each other, and what they hear of one another (laws 10 and 11)."""
