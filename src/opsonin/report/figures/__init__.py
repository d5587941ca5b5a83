"""Figures: each function takes a record (and findings) and gives a `Figure`, or none where there is nothing to draw."""
