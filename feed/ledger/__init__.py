"""The ledger outside the store: keys, exports, proofs and checks (law 1)."""
