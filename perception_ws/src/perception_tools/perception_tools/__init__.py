"""The perception command and what it is made of."""

__version__ = "0.1.0"
