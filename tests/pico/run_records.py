"""Sample records of two sensors, taken apart."""

from __future__ import annotations

from dataclasses import dataclass

from played_chip import Counts

from prknode.records import SAMPLE_HEAD, SENSOR_BYTES, sample_size

SENSORS = 2


@dataclass(frozen=True)
class Sample:
    """One sample: microseconds since INIT, flags, and the counts of each sensor that delivered."""

    t_us: int
    flags: int
    counts: tuple[Counts | None, ...]


def samples_of(data: bytes) -> list[Sample]:
    """All of them, in order."""
    size = sample_size(SENSORS)
    return [_sample(data[at : at + size]) for at in range(0, len(data), size)]


def _sample(record: bytes) -> Sample:
    flags = int.from_bytes(record[6:8], "little")
    counts: list[Counts | None] = []
    for sensor in range(SENSORS):
        at = SAMPLE_HEAD + SENSOR_BYTES * sensor
        pressure = int.from_bytes(record[at : at + 3], "little")
        temperature = int.from_bytes(record[at + 3 : at + 6], "little")
        counts.append((pressure, temperature) if flags & 1 << sensor else None)
    return Sample(int.from_bytes(record[:6], "little"), flags, tuple(counts))


def numbered(count: int) -> list[Counts]:
    """Counts that tell which conversion they are of."""
    return [(0x600000 + n, 0x800000 + (n * 2654435761 >> 8 & 0x3FFFF)) for n in range(count)]


def numbers_of(samples: list[Sample], sensor: int) -> list[int]:
    """The conversions that a sensor's counts are of, in samples where it delivered."""
    found = []
    for sample in samples:
        counts = sample.counts[sensor]
        if counts is not None:
            number = counts[0] - 0x600000
            assert counts == numbered(number + 1)[-1]
            found.append(number)
    return found
