"""A node in this process, for sensors that hang on this computer instead of on a board."""
