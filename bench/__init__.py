"""Figures side by side: each measured against what it stands beside, in the same minutes, on the same machine."""
