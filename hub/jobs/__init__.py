"""Work that survives a restart: what kinds there are, when they run, and on what machine."""
