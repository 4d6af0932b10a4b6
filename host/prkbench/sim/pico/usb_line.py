"""The host's end of the emulated board's USB serial line: bytes in, bytes out, and a cable."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from rp2040py.usb.cdc import USBCDC

_CONTROL = 0


class UsbLine:
    """Bytes to and from the board; `on_bytes` gets what it sends.

    connected: whether the board has been enumerated since its last reset.
    """

    def __init__(self, cdc: USBCDC, on_bytes: Callable[[bytes], None]) -> None:
        self._cdc = cdc
        self._usb = cdc.usb
        self._queue: deque[bytes] = deque()
        self._armed: tuple[int, int] | None = None
        self._by_library = self._usb.on_endpoint_read
        self._forget_library = self._usb.on_reset
        self._written_library = self._usb.on_endpoint_write
        self._complete = self._usb._indicate_buffer_ready
        self._usb.on_endpoint_read = self._on_armed
        self._usb.on_endpoint_write = self._on_written
        self._usb.on_reset = self._on_reset
        self._usb._indicate_buffer_ready = self._on_complete  # type: ignore[method-assign]
        self._full = False
        self._held: list[int] = []
        self._terminal = True
        self._control_busy = False
        self.connected = False
        self.on_bytes = on_bytes
        cdc.on_device_connected = self._on_connected
        cdc.on_serial_data = lambda data: self.on_bytes(bytes(data))

    def _on_connected(self) -> None:
        self.connected = True
        # The library has just said that a terminal is there.
        self._control_busy = True
        if not self._terminal:
            self._tell_terminal()

    def _on_reset(self) -> None:
        self.connected = False
        self._armed = None
        self._queue.clear()
        self._held.clear()
        self._control_busy = False
        if self._forget_library is not None:
            self._forget_library()

    # To the board -------------------------------------------------------------------------

    def _on_armed(self, endpoint: int, size: int) -> None:
        """The board is ready to take bytes: give it some, or let it wait until there are.

        Left to itself the emulator completes the transfer with nothing every 10 us, and the
        board spends its time on empty packets: sleeping becomes busy, computing 3 x slower.
        """
        if endpoint == _CONTROL:
            if self._by_library is not None:
                self._by_library(endpoint, size)
            return
        self._armed = endpoint, size
        self._feed()

    def _feed(self) -> None:
        if self._armed is None or not self._queue:
            return
        endpoint, size = self._armed
        data = self._queue.popleft()
        if len(data) > size:
            self._queue.appendleft(data[size:])
            data = data[:size]
        self._armed = None
        self._usb.endpoint_read_done(endpoint, data)

    def send(self, data: bytes) -> None:
        """Send bytes to the board; they wait until it takes them."""
        if data:
            self._queue.append(data)
            self._feed()

    @property
    def waiting(self) -> int:
        """Bytes that the board has not taken yet."""
        return sum(len(data) for data in self._queue)

    # From the board -----------------------------------------------------------------------

    def _on_complete(self, endpoint: int, out: bool) -> None:
        """A packet is through, or will be when the host takes bytes again."""
        if self._full and not out and endpoint != _CONTROL:
            self._held.append(endpoint)
        else:
            self._complete(endpoint, out)

    @property
    def full(self) -> bool:
        """Whether the host takes nothing: the board's packets stay where they are.

        One that is under way still comes.
        """
        return self._full

    @full.setter
    def full(self, full: bool) -> None:
        self._full = full
        if not full:
            held, self._held = self._held, []
            for endpoint in held:
                self._complete(endpoint, False)

    # The terminal -------------------------------------------------------------------------

    def _on_written(self, endpoint: int, data: bytes | bytearray) -> None:
        if self._written_library is not None:
            self._written_library(endpoint, data)
        if endpoint == _CONTROL and not data and self.connected:
            self._control_busy = False
            if self._cdc.dtr != self._terminal:
                self._tell_terminal()

    def _tell_terminal(self) -> None:
        self._control_busy = True
        self._cdc.set_control_lines(dtr=self._terminal, rts=self._terminal)

    def set_terminal(self, ready: bool) -> None:
        """Say whether a program has the port open (DTR).

        The board learns of it as soon as it has taken in the last such message: a second one
        before that would overwrite the first.
        """
        self._terminal = ready
        if self.connected and not self._control_busy and self._cdc.dtr != ready:
            self._tell_terminal()
