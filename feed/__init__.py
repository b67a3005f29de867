"""The service: the only package that knows HTTP, SQL, Redis, files and the clock.

Keeps laws 4, 10, 11 and 12; what it decides, it asks of ``controls``, and what it ranks, of ``ranking``.
"""
