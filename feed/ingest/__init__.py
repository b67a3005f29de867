"""Ingest: a batch of events becomes durable records, and counts from the reader's next request on (laws 7, 8, 11)."""
