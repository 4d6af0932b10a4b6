"""The lines between the host and the board that plays chips.

    ?                                   who is there
    P <n> <id> <ppm> <trim> <crc>       play a chip on peripheral n: chip id and trim in
                                        hexadecimal, how fast its clock is in parts per million
    R <n> <readings>                    the readings of chip n from now on, in hexadecimal

Each line is answered with one that begins with the same letter, or with E and the reason. To R
the answer says how many conversions there have been, registers OSR and PWR_CTRL, and how many
writes were dropped: what the host needs to make the next readings.
"""

import binascii

from played.chip import PlayedChip, Readings, SentTrim
from prkbench.sim.bmp390_model import OSR, PWR_CTRL

GREETING = "? prkbench chip target 1"


class Console:
    """Carries out lines. open_port(n, chip) -> a TargetPort that is on the bus."""

    def __init__(self, peripherals, open_port):
        self._open_port = open_port
        self._chips = [None] * peripherals
        self._readings = [None] * peripherals
        self.ports = [None] * peripherals

    def answer(self, line):
        """The answer to one line, bytes without its end, as text."""
        try:
            words = line.decode().split()
            if words == ["?"]:
                return GREETING
            if len(words) == 6 and words[0] == "P":
                return self._play(*words[1:])
            if len(words) == 3 and words[0] == "R":
                return self._read(*words[1:])
        except (ValueError, IndexError) as error:
            return "E %s" % error
        return "E no such line"

    def _play(self, n, chip_id, ppm, trim, crc):
        n = int(n)
        readings = Readings()
        trim = SentTrim(binascii.unhexlify(trim), int(crc, 16))
        self._chips[n] = PlayedChip(trim, readings, int(chip_id, 16), int(ppm) / 1e6)
        self._readings[n] = readings
        return "P %d" % n

    def _read(self, n, data):
        n = int(n)
        chip = self._chips[n]
        if chip is None:
            return "E chip %d has no trim yet" % n
        self._readings[n].put(binascii.unhexlify(data))
        if self.ports[n] is None:
            # On the bus only once it has something to say.
            self.ports[n] = self._open_port(n, chip)
        port = self.ports[n]
        # Another one is played from now on if P has named it: a chip that lost its supply.
        port.chip = chip
        return "R %d %d %d %d %d" % (
            n, chip.conversions, chip.peek(OSR), chip.peek(PWR_CTRL), port.dropped,
        )  # fmt: skip
