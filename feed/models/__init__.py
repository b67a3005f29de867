"""Models in the service: files, training by the clock, activation and rollback (laws 4 and 8)."""
