"""The `prk` command line: one small file per command group."""

import os

# Before numpy is loaded: on matrices as small as ours more threads only wait for each other, and a
# fit takes up to ten times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
