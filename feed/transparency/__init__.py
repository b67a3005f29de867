"""Transparency: statements, evidence and the public report (laws 1 and 9)."""
