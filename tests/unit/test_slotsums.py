"""The host's sums over slots against the node's own, sample by sample."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from prkbench.analysis.slotsums import SlotSums
from prknode.blocks import BlockSums
from prknode.records import FLAG_FAULT, FLAG_FILL, FLAG_RESTART, FLAG_VENT, sample_size

SENSORS, PAIRED, EXPECTED = 3, 0b011, 4
FIELDS = ("slot", "first", "flags", "count", "numbers", "pressures", "temperatures")

DISTURBED = st.sampled_from([0, 0, 0, FLAG_RESTART, FLAG_FAULT, FLAG_FILL, FLAG_VENT])
RAW = st.lists(st.integers(0, 2**24 - 1), min_size=2 * SENSORS, max_size=2 * SENSORS)
# Steps of time up to three slots, and now and then back into a slot that is closed.
STEP = st.integers(-30_000_000, 200_000_000)
SAMPLES = st.lists(st.tuples(STEP, st.integers(0, 7), DISTURBED, RAW), min_size=1, max_size=60)


def records(samples: list[tuple[int, int, int, list[int]]]) -> bytes:
    out, t_us = b"", 0
    for step, valid, disturbed, raw in samples:
        t_us = max(0, t_us + step)
        out += struct.pack("<Q", t_us)[:6] + struct.pack("<H", valid | disturbed)
        out += b"".join(struct.pack("<I", value)[:3] for value in raw)
    return out


def by_the_node(payload: bytes) -> list[list[object]]:
    sums = BlockSums(SENSORS, PAIRED, EXPECTED)
    blocks = []
    for at in range(0, len(payload), sample_size(SENSORS)):
        while not sums.add(payload, at):
            blocks.append(sums.take())
    blocks.append(sums.take())
    return [[getattr(b, name) for name in FIELDS] for b in blocks if b is not None]


@given(samples=SAMPLES, cut=st.integers(0, 60))
def test_blocks_are_the_nodes_however_the_records_come(
    samples: list[tuple[int, int, int, list[int]]], cut: int
) -> None:
    payload = records(samples)
    at = min(cut, len(samples)) * sample_size(SENSORS)
    sums = SlotSums(SENSORS, PAIRED, EXPECTED)
    blocks = [*sums.add(payload[:at]), *sums.add(payload[at:]), *sums.end()]
    assert [[getattr(b, name) for name in FIELDS] for b in blocks] == by_the_node(payload)
