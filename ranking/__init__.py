"""What a reader would like.

Owns the catalogue, the item graph, the Snapshot and ``rank()``. Pure: numpy, scipy and numba; model libraries
live in ``ranking.models`` alone. Keeps laws 2, 3, 7 and 8.
"""
