"""Studies: one task done for many seeds, on all cores or on a cluster, repeatable to the bit."""
