"""Telling people: which channels there are, when they may be disturbed, what is said, and how it is sent."""
