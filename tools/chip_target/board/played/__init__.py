"""A microcontroller that plays BMP390s on an I2C bus."""
