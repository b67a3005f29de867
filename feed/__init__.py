"""The service: the only package that knows HTTP, SQL, Redis, files and the clock.

Keeps laws 4, 10, 11 and 12; everything it decides, it asks of `controls`, and everything it ranks, of `ranking`.
"""
