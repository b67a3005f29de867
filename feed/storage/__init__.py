"""Storage ports and their adapters; one contract suite runs on every adapter (law 11: acknowledged is durable)."""
