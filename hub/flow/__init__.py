"""The way of a record, in four stages that do not know one another: land, read, plan, apply."""
