"""Stand-ins of Agresso for the demonstration city."""
