"""What may be shown, and who said so.

Owns tiers, policies, decisions, verdicts, restrictions and the ledger. Pure: the standard library, numpy,
pydantic and cryptography; no input or output, and time comes in as an argument. Keeps laws 1, 2, 5, 6 and 9.
"""
