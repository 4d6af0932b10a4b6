"""As much of the host's package as the chip's model needs on a board."""
