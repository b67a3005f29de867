"""Storage ports: what every adapter keeps to; one contract suite runs on each."""
