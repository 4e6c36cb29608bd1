"""Stand-ins for the demonstration city: its units, its suppliers with their invoices, and those who bring them."""
