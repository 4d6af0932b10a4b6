"""What a command line costs in heap bytes, without the real line."""

import gc


def heap_bytes(node, lines):
    """Heap bytes of each of these lines, of those of an empty one first."""
    board = node.board
    link = node._link
    text = bytearray()
    sent = [0]

    def read_into(buffer):
        n = min(len(text) - sent[0], len(buffer))
        for i in range(n):
            buffer[i] = text[sent[0] + i]
        sent[0] += n
        return n

    board.read_into = read_into
    board.write = len
    costs = []
    try:
        for line in [""] + lines:
            text = line.encode() + b"\n"
            sent[0] = 0
            gc.collect()
            before = gc.mem_alloc()
            for _ in range(2000):
                node.step(board.ticks_us())
                if sent[0] == len(text) and not link.busy:
                    break
            costs.append(gc.mem_alloc() - before)
    finally:
        del board.read_into
        del board.write
    return costs
