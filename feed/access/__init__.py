"""Access: who is asking, and with which key or claims (law 12)."""
