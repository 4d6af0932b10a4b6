"""The BMP390's 512-byte FIFO: frames in, bytes out.

Source: BMP390 datasheet (BST-BMP390-DS002), section 3.6. Sample frames hold temperature before
pressure, lowest byte first.
"""

from __future__ import annotations

from collections import deque

CAPACITY = 512
EMPTY_SAMPLE = 0x800000

HEADER_BOTH, HEADER_TEMP, HEADER_PRESS, HEADER_TIME = 0x94, 0x90, 0x84, 0xA0
FRAME_EMPTY = bytes((0x80, 0x00))
FRAME_CONFIG_ERROR = bytes((0x44, 0x01))
FRAME_CONFIG_CHANGE = bytes((0x48, 0x01))

_LONGEST_FRAME = 7


class Fifo:
    """Frames waiting to be read. `length` is their bytes, `lost` counts overwritten frames."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Empty it and return to the power-on configuration: off, stop on full, every 4th."""
        self._frames: deque[bytes] = deque()
        self.length = 0
        self.lost = 0
        self._seen = 0
        self.configure(0x02, 0x02)

    def configure(self, config_1: int, config_2: int) -> None:
        """Take the two configuration registers; a FIFO switched off is emptied."""
        self._enabled = bool(config_1 & 0x01)
        self._stop_on_full = bool(config_1 & 0x02)
        self._time = bool(config_1 & 0x04)
        self._every = 1 << (config_2 & 0x07)
        if not self._enabled:
            self.flush()

    def copy(self) -> Fifo:
        """Return another one with the same contents, far cheaper than a deep copy."""
        other = Fifo.__new__(Fifo)
        other.__dict__.update(self.__dict__)
        other._frames = self._frames.copy()
        return other

    def flush(self) -> None:
        """Drop every frame; the configuration stays."""
        self._frames.clear()
        self.length = 0
        self._seen = 0

    @property
    def full(self) -> bool:
        """Whether the longest frame no longer fits."""
        return self.length + _LONGEST_FRAME > CAPACITY

    def push_sample(self, raw_p: int | None, raw_t: int | None) -> None:
        """Offer one sample; subsampling keeps every 2^n-th. None means not selected."""
        keep = self._seen % self._every == 0
        self._seen += 1
        if not keep or (raw_p is None and raw_t is None):
            return
        if raw_p is not None and raw_t is not None:
            both = raw_p << 32 | raw_t << 8 | HEADER_BOTH
            self._push(both.to_bytes(7, "little"))
        elif raw_t is not None:
            self._push((raw_t << 8 | HEADER_TEMP).to_bytes(4, "little"))
        elif raw_p is not None:
            self._push((raw_p << 8 | HEADER_PRESS).to_bytes(4, "little"))

    def push_config_change(self) -> None:
        """Record that the measurement settings changed here."""
        self._push(FRAME_CONFIG_CHANGE)

    def push_config_error(self) -> None:
        """Record that the settings were refused here."""
        self._push(FRAME_CONFIG_ERROR)

    def _push(self, frame: bytes) -> None:
        if not self._enabled:
            return
        if self.length + len(frame) > CAPACITY:
            if self._stop_on_full:
                self.lost += 1
                return
            while self.length + len(frame) > CAPACITY:
                self.length -= len(self._frames.popleft())
                self.lost += 1
        self._frames.append(frame)
        self.length += len(frame)

    def peek(self, n: int, sensor_time: int) -> bytes:
        """Return the n bytes that `pop` would."""
        return self._bytes(n, sensor_time)[0]

    def pop(self, n: int, sensor_time: int) -> bytes:
        """Read n bytes in one burst.

        A frame that is not read to its end stays and is repeated from its header by the next
        burst. Past the last frame follow the sensor time, where enabled, then empty frames.
        """
        data, frames = self._bytes(n, sensor_time)
        for _ in range(frames):
            self.length -= len(self._frames.popleft())
        return data

    def _bytes(self, n: int, sensor_time: int) -> tuple[bytes, int]:
        """Return n bytes and how many stored frames they cover completely."""
        out = bytearray()
        whole = 0
        for frame in self._frames:
            if len(out) + len(frame) > n:
                out += frame
                return bytes(out[:n]), whole
            out += frame
            whole += 1
        if self._time and len(out) < n:
            out += (sensor_time << 8 | HEADER_TIME).to_bytes(4, "little")
        if len(out) < n:
            out += FRAME_EMPTY * ((n - len(out) + 1) // 2)
        return bytes(out[:n]), whole
