"""A Raspberry Pi Pico in software: the official MicroPython image on an emulated RP2040."""
