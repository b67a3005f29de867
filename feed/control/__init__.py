"""How a replica keeps up with the ledger and the journal: follower, publisher, barrier (laws 2, 4, 10 and 11)."""
