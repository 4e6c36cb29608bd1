"""The program `hub`: joins the two doors, which do not know each other, and the commands that plugins add."""
