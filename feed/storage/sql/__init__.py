"""The SQL adapter: one file per noun, over statements of SQLAlchemy Core and one writer thread (law 11)."""
