"""HTTP: what stands around every route: the gate, limits, overload, and how refusals are told (law 12)."""
