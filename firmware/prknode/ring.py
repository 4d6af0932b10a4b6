"""A ring of fixed-size records in one preallocated buffer, addressed by sequence number."""


def fullest_percent(rings):
    """How full the fullest of some rings is with records the reader has not taken, 0..100."""
    fill = 0
    for ring in rings:
        other = ring.fill_percent()
        if other > fill:
            fill = other
    return fill


class Ring:
    """The newest `capacity` records; the oldest is overwritten, sequence numbers go on.

    data, at: where the next record is to be written; push() makes it count.
    next: sequence number of the record that comes next; oldest: of the oldest still held;
    taken: first one the reader has not acknowledged.
    """

    def __init__(self, size, capacity):
        self.size = size
        self.capacity = capacity
        self.data = bytearray(size * capacity)
        self._view = memoryview(self.data)
        self._end = size * capacity
        self.next = 0
        self.taken = 0
        self.at = 0

    @property
    def oldest(self):
        """Sequence number of the oldest record held."""
        return self.next - self.capacity if self.next > self.capacity else 0

    def clear(self):
        """Start again at sequence number 0."""
        self.next = 0
        self.taken = 0
        self.at = 0

    def push(self):
        """Accept the record written at `at`; allocates nothing."""
        at = self.at + self.size
        self.at = 0 if at == self._end else at
        self.next += 1

    def acknowledge(self, first):
        """The reader asked for `first`: it has everything before."""
        if self.taken < first <= self.next:
            self.taken = first

    def fill_percent(self):
        """How much of the ring the reader has not taken, 0..100."""
        waiting = self.next - self.taken
        # Asked for at every turn of the loop: a long count times 100 would be a heap object.
        return 100 if waiting >= self.capacity else waiting * 100 // self.capacity

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
