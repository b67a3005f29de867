"""Storage ports and their adapters; one contract suite runs on each (law 11: acknowledged is durable)."""
