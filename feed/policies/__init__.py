"""Policies: drafts, publications, and the rules in plain words (laws 4 and 9)."""
