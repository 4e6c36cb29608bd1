"""What the business talks about: frozen values, no input and no output."""
