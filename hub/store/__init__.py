"""What the hub remembers: the only SQL. `tables` draws it, one file per noun reads and writes it."""
