"""Plans a test before it is made: what it can know after how long, and what would help."""
