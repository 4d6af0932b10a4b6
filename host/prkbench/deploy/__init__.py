"""Puts the firmware on a board: compiles it, copies what differs, and proves what is there."""
