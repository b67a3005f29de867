"""Cases: reports, reviews, inspections, appeals and orders, from their opening to their outcome (law 9)."""
