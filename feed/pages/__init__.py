"""Pages: made from a Snapshot, carried on by cursors, recorded as Servings, and made again (laws 3, 5 and 7)."""
