"""The PostgreSQL adapter's own part; the rest is ``feed.storage.sql``."""
