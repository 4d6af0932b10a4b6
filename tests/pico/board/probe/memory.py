"""The heap."""

import gc


def free():
    """Bytes free after a collection."""
    gc.collect()
    return gc.mem_free()
