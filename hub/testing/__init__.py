"""What plugins' tests lean on: the laws of the ports, places that fail on command, and real servers to speak to."""
