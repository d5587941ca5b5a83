"""The version, where every room may read it without meeting the public names."""

__version__ = "0.1.0"
