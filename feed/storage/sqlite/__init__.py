"""The SQLite adapter's own part; the rest is ``feed.storage.sql``."""
