"""The table of boards costs a node only the one entry it needs."""

import gc
import sys

from runner import raises, run

from prknode.boards import UnknownBoard, completed

PATH = __file__.rsplit("/", 3)[0] + "/firmware/boards.json"
PICO = "Raspberry Pi Pico with RP2040"


def test_the_entry_of_this_board_is_picked():
    board = completed({"rate_mhz": 5}, PICO, PATH)["board"]
    assert board["i2c"][0] == {"id": 0, "sda": 4, "scl": 5, "freq": 400000}
    assert sorted(board) == ["i2c", "led", "ring_records"]


def test_an_unknown_board_is_refused():
    raises(UnknownBoard, completed, {}, "Acme One", PATH)


def test_a_kilobyte_is_kept_and_the_rest_is_garbage():
    if sys.implementation.name != "micropython":
        return
    gc.collect()
    before = gc.mem_alloc()
    config = completed({}, PICO, PATH)
    print("boards.json leaves", gc.mem_alloc() - before, "bytes before a collection")
    gc.collect()
    kept = gc.mem_alloc() - before
    print("and", kept, "bytes after it")
    # Two buses of four numbers; words are twice as long here as on a board.
    assert kept < 1500, kept
    assert config["board"]["ring_records"]


if __name__ == "__main__":
    run(globals())
