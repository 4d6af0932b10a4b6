"""A ring of fixed-size records in one preallocated buffer, addressed by sequence number."""


class Ring:
    """The newest `capacity` records; the oldest is overwritten, sequence numbers go on.

    next: sequence number of the record that comes next; oldest: of the oldest still held;
    taken: first one the reader has not acknowledged.
    """

    def __init__(self, size, capacity):
        self.size = size
        self.capacity = capacity
        self._data = bytearray(size * capacity)
        view = memoryview(self._data)
        # One view per record, made once: the hot path must not allocate a slice.
        self._slots = [view[i * size : (i + 1) * size] for i in range(capacity)]
        self._view = view
        self.next = 0
        self.taken = 0
        self._at = 0

    @property
    def oldest(self):
        """Sequence number of the oldest record held."""
        return self.next - self.capacity if self.next > self.capacity else 0

    def clear(self):
        """Start again at sequence number 0."""
        self.next = 0
        self.taken = 0
        self._at = 0

    def slot(self):
        """The record to be written next, as a view; push() makes it count."""
        return self._slots[self._at]

    def push(self):
        """Accept the record written into slot(); allocates nothing."""
        at = self._at + 1
        self._at = 0 if at == self.capacity else at
        self.next += 1

    def acknowledge(self, first):
        """The reader asked for `first`: it has everything before."""
        if self.taken < first <= self.next:
            self.taken = first

    def fill_percent(self):
        """How much of the ring the reader has not taken, 0..100."""
        return min(100, (self.next - self.taken) * 100 // self.capacity)

    def read_into(self, first, count, out, at):
        """Copy count records from sequence number first into out at that offset."""
        size = self.size
        index = first % self.capacity
        ahead = self.capacity - index
        head = count if count < ahead else ahead
        out[at : at + head * size] = self._view[index * size : (index + head) * size]
        if count > head:
            at += head * size
            rest = count - head
            out[at : at + rest * size] = self._view[: rest * size]
