"""What a rig's own runs teach about it, and where the rig file keeps it."""
