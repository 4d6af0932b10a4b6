"""prkbench on the host: log a leak-test node without losing data, and verify what it says."""

from prknode import __version__

__all__ = ["__version__"]
