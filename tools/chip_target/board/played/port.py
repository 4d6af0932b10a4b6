"""One chip behind one I2C target peripheral: the bus's events on one side, the model on the other.

The model allocates, and an interrupt must not. So the interrupt only notes what the controller
did and serves bytes that are laid out already; the main loop runs the model. While it does, the
peripheral holds the clock line down, because a byte that was asked for has not been given
(`machine.I2CTarget` on the RP2 port lifts the hold at the next write(), wherever it comes from).

What a read has cleared or taken out of the FIFO is known when it ends: until then bytes come from
a look at the registers without side effects, and afterwards as many are read in earnest. The
chip's time stands still in between, so both give the same.
"""

from array import array

ADDRESSED_TO_READ = 0x01
ADDRESSED_TO_WRITE = 0x02
BYTE_WANTED = 0x04
BYTE_HERE = 0x08
READ_ENDED = 0x10
WRITE_ENDED = 0x20
EVENTS = 0x3F
"""IRQ flags of machine.I2CTarget; their values are checked against it when a port is opened."""

_FIFO_DATA = 0x14
_LOOK = 32
_LOOK_FIFO = 128
_LONGEST = 640
_LOG = 64
_READ, _WRITE = 1, 2


class TargetPort:
    """Plays `chip` on `target`, a machine.I2CTarget without memory.

    ticks_us: as time.ticks_us, for the interrupt; lock() -> state and unlock(state) keep the
    interrupt away, as machine.disable_irq and enable_irq. dropped: writes that came faster than
    the main loop; late: bytes the controller read beyond what a chip could give.
    """

    def __init__(self, chip, target, ticks_us, lock, unlock):
        self.chip = chip
        self._target = target
        self._ticks_us = ticks_us
        self._lock = lock
        self._unlock = unlock
        self._in = bytearray(1)
        self._out = bytearray(1)
        self._answer = bytearray(_LONGEST)
        self._laid_out = 0
        self._sent = 0
        self._asked = 0
        self._reading = False
        self._wanted = False
        self._read_number = 0
        self._register = 0
        self._names_register = True
        self._kinds = bytearray(_LOG)
        self._registers = bytearray(_LOG)
        self._values = array("H", bytes(2 * _LOG))
        self._times = array("I", bytes(4 * _LOG))
        self._noted = 0
        self._done = 0
        self.dropped = 0
        self.late = 0

    # In the interrupt: nothing here may allocate --------------------------------------------

    def on_event(self, target):
        """Take one event of the peripheral."""
        flags = target.irq().flags()
        if flags & BYTE_WANTED:
            self._asked += 1
            if self._sent < self._laid_out:
                self._give()
            else:
                self._wanted = True
        elif flags & BYTE_HERE:
            target.readinto(self._in)
            if self._names_register:
                self._register = self._in[0]
                self._names_register = False
            else:
                # The chip takes pairs of register and value (datasheet section 5.2.1).
                self._note(_WRITE, self._in[0])
                self._names_register = True
        elif flags & ADDRESSED_TO_WRITE:
            self._names_register = True
        elif flags & ADDRESSED_TO_READ:
            self._laid_out = 0
            self._sent = 0
            self._asked = 0
            self._reading = True
            self._read_number = (self._read_number + 1) & 0xFFFF
        elif flags & READ_ENDED:
            # The last event of a read asks for a byte that is never sent: the controller has
            # refused more. It must be given all the same, or the peripheral asks no more.
            if self._wanted:
                self._wanted = False
                target.write(self._out)
            if self._asked > 1:
                self._note(_READ, self._asked - 1)
            self._reading = False

    def _give(self):
        self._out[0] = self._answer[self._sent]
        self._sent += 1
        self._target.write(self._out)

    def _note(self, kind, value):
        noted = self._noted
        following = (noted + 1) % _LOG
        if following == self._done:
            self.dropped += 1
            return
        self._kinds[noted] = kind
        self._registers[noted] = self._register
        self._values[noted] = value
        self._times[noted] = self._ticks_us()
        self._noted = following

    # In the main loop -----------------------------------------------------------------------

    def serve(self, to_us):
        """Carry out what the controller did and lay out what it waits for.

        to_us(ticks) turns a time of the interrupt into microseconds since the chip was made.
        """
        self._carry_out(to_us)
        if self._wanted:
            self._lay_out(to_us)
        elif not self._reading and self._done == self._noted:
            # Conversions that are over now need not be made up for while the bus waits.
            self.chip.advance(to_us(self._ticks_us()))

    def _carry_out(self, to_us):
        chip = self.chip
        while self._done != self._noted:
            at = self._done
            register = self._registers[at]
            if self._kinds[at] == _READ:
                chip.read_burst(register, self._values[at])
            else:
                chip.advance(to_us(self._times[at]))
                chip.write(register, self._values[at])
            self._done = (at + 1) % _LOG

    def _lay_out(self, to_us):
        number = self._read_number
        register = self._register
        have = self._laid_out
        if not have:
            self.chip.advance(to_us(self._ticks_us()))
            count = _LOOK_FIFO if register == _FIFO_DATA else _LOOK
        else:
            count = min(2 * have, _LONGEST)
        if count > have:
            self._answer[:count] = self.chip.peek_burst(register, count)
        state = self._lock()
        try:
            # The controller may have given up meanwhile, and even begun another read.
            if self._wanted and number == self._read_number:
                self._wanted = False
                self._laid_out = count
                if self._sent == count:
                    self.late += 1
                    self._sent -= 1
                self._give()
        finally:
            self._unlock(state)
