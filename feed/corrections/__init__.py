"""Corrections: sent to everybody who was exposed, once each until seen (law 11)."""
