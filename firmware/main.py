"""Entry point of the node."""
