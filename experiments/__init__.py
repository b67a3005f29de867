"""Is it good, and is it fair.

Owns assignment, statistics, evaluation, replay, preview, audit and the simulated community. Knows neither
HTTP nor storage, so whatever it finds can be found again from the same inputs.
"""
