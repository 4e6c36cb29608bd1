"""inkopshub: an integration hub for a city's purchasing."""

__version__ = "0.1.0"
