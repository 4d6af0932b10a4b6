"""Data answers: records and set-ups in the one buffer that all of them share."""

import binascii
import struct

from prknode.compat import const
from prknode.link import Block, Listing
from prknode.records import ANSWER_HEAD, ANSWER_HEAD_SIZE
from prknode.scpi import ScpiError

MAX_RECORDS = const(100)
"""Sample records in one answer; more would take a board memory that it needs."""
_CRC_SIZE = const(4)
_LEAST_ROOM = const(2048)  # the set-up of four sensors is one piece


class Answers:
    """Builds data answers.

    size: bytes of a sample record, of which an answer holds MAX_RECORDS, and of larger records as
    many as fit into the same room; link: the Link that sends the answers.
    """

    def __init__(self, size, link):
        self._room = max(size * MAX_RECORDS, _LEAST_ROOM)
        self._buffer = bytearray(ANSWER_HEAD_SIZE + self._room + _CRC_SIZE)
        self._link = link

    def _claim(self):
        """Make sure that no earlier answer of the line still lies in the buffer."""
        if self._link.holds_data:
            raise ScpiError(-221, "one data answer a line")

    def whole(self, data):
        """Bytes as a block; ScpiError(-221) when the line has a data answer already."""
        self._claim()
        n = len(data)
        self._buffer[:n] = data
        return Block(self._buffer, n)

    def records(self, ring, run_id, first, count, as_text):
        """Records from `first` on as a block with header and CRC-32, or as a Listing.

        Asking for `first` acknowledges everything before it. Records no longer held are left
        out: the header's first tells where the answer begins. As text: run, first, count, size,
        then every byte. ScpiError(-221) when the line has a data answer already.
        """
        self._claim()
        ring.acknowledge(first)
        first = max(first, ring.oldest)
        size = ring.size
        count = max(0, min(count, MAX_RECORDS, self._room // size, ring.next - first))
        buffer = self._buffer
        end = ANSWER_HEAD_SIZE + count * size
        ring.read_into(first, count, buffer, ANSWER_HEAD_SIZE)
        if as_text:
            head = "%d,%d,%d,%d" % (run_id, first, count, size)
            return Listing(head, buffer, ANSWER_HEAD_SIZE, end)
        struct.pack_into(ANSWER_HEAD, buffer, 0, run_id, first, count, size)
        crc = binascii.crc32(memoryview(buffer)[:end]) & 0xFFFFFFFF
        struct.pack_into("<I", buffer, end, crc)
        return Block(buffer, end + _CRC_SIZE)
