"""What tests put on the emulated board beside the firmware."""
