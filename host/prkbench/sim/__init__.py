"""The physics and the virtual node: chamber, leak elements, the chip, MicroPython as a child."""
