"""Sharing on Redis or a Redis Cluster, which it recognises by itself: quick, and never the truth (docs/redis.md)."""

from __future__ import annotations

from feed.storage.redis.opening import Inspection, inspect_sharing, open_sharing

__all__ = ["Inspection", "inspect_sharing", "open_sharing"]
