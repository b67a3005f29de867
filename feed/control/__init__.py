"""How a replica keeps up with ledger and journal: follower, publisher, barrier (laws 2, 4, 10 and 11)."""
