"""Trainers: each takes interactions and ends in an ItemGraph (law 8: the model knows items, not people)."""
