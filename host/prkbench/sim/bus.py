"""Devices on the simulated buses of a virtual node, and what tests put between them and the bus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Device(Protocol):
    """A chip on the simulated bus, driven in absolute microseconds."""

    def advance(self, us: int) -> None:
        """Bring the chip to this time."""

    def read_burst(self, reg: int, n: int) -> bytes:
        """Read with side effects."""

    def peek_burst(self, reg: int, n: int) -> bytes:
        """Read without side effects."""

    def write(self, reg: int, value: int) -> None:
        """Write one register."""

    def save(self) -> object:
        """All that can change, for restore()."""

    def restore(self, saved: object) -> None:
        """Go back to what save() gave."""


@dataclass
class Fault:
    """Makes a device not acknowledge transfers first .. first + count - 1 of its own counting."""

    first: int
    count: int


@dataclass
class BusDevice:
    """A device at an address, with the faults that tests put between it and the bus."""

    device: Device
    faults: list[Fault] = field(default_factory=list)
    transfers: int = 0
    hung: bool = False

    def acknowledges(self) -> bool:
        """Count one transfer; whether it goes through."""
        n = self.transfers
        self.transfers = n + 1
        if not self.faults:
            return True
        return not any(f.first <= n < f.first + f.count for f in self.faults)


Address = tuple[int, int]
Saved = dict[Address, tuple[object, int]]


@dataclass(frozen=True)
class Read:
    """One burst read; head: how it is announced to the child, where its count has to fit a byte."""

    bus: int
    address: int
    register: int
    count: int
    head: bytes

    @classmethod
    def of(cls, entry: bytes) -> Read:
        """From what the child posts: bus, address, register and a 16-bit count."""
        count = entry[-2] | entry[-1] << 8
        head = bytes((*entry[:3], count & 0xFF))
        return cls(entry[0], entry[1], entry[2], count, head)


@dataclass
class Step:
    """Writes, a time to pass, and the reads that follow it."""

    posted: bytes
    us: int
    reads: list[Read]
