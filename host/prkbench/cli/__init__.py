"""The `prk` command line: one small file per command group."""
