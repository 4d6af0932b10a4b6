"""An emulated Pico on a port, served from a thread of the test's process."""

import contextlib
import threading
from collections.abc import Iterator

from prkbench.sim.pico.pico_node import PicoNode


@contextlib.contextmanager
def serving(node: PicoNode) -> Iterator[PicoNode]:
    """Boot the board and serve it while the block runs."""
    node.boot()
    thread = threading.Thread(target=node.serve, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        node.stop()
        thread.join(10)
        assert not thread.is_alive(), "stop() did not end serve()"
        node.close()
