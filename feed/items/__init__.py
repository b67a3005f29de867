"""Items: how they are published, and which are copies of each other."""
