"""The HTTP surface, one file per noun (law 12: nobody has a path that this one does not have)."""
