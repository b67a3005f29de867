"""Operations: diagnosis, backup and restore, and what is done by the clock."""
