"""What is known of boards, from boards.json: pins and memory, so that config.json need not say.

boards.json is a list of tables. The first one that names the board is taken, so a name comes before
those it contains. Its keys:

    name          as its maker calls it
    machine       parts of sys.implementation._machine, each of which tells this board
    mcu           its microcontroller
    i2c           the I2C buses: id (of machine.I2C), sda, scl (GPIO numbers), freq (Hz); the first
                  is bus 0 of config.json's sensors, the second bus 1
    ring_records  samples of two sensors that its memory has room for
    led           what machine.Pin calls its LED, or null
    download      page with its MicroPython
    boot_loader   how to put that on it

The node needs three of them; the others are for who installs it.
"""

import json

_KEPT = ("i2c", "ring_records", "led")


class UnknownBoard(Exception):
    """Neither config.json nor boards.json says where the buses of this board are."""


def completed(config, machine, path="boards.json"):
    """config, a dict as in config.json, with its board section completed from boards.json.

    machine: sys.implementation._machine. What config says itself stays; boards.json is read only
    when config names no buses. Raises UnknownBoard.
    """
    own = config.get("board", {})
    if "i2c" in own:
        return config
    section = _section(machine, path)
    section.update(own)
    result = dict(config)
    result["board"] = section
    return result


def _section(machine, path):
    try:
        with open(path) as file:
            boards = json.load(file)
    except OSError:
        boards = ()
    for entry in boards:
        for part in entry["machine"]:
            if part in machine:
                # All the rest is garbage once this returns.
                return {key: entry[key] for key in _KEPT}
    raise UnknownBoard(
        "config.json names no I2C bus and %s does not know this board (%s): put its pins into "
        'config.json, such as "board": {"i2c": [{"id": 0, "sda": 4, "scl": 5}]}' % (path, machine)
    )
