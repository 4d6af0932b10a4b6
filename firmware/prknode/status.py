"""IEEE 488.2 and SCPI-1999 status: error queue, event status, operation and questionable."""

from prknode.compat import const
from prknode.records import HOLDING, IDLE, SETTLING

# Standard event status register.
ESR_OPC = const(0x01)
_ESR_QYE = const(0x04)
_ESR_DDE = const(0x08)
_ESR_EXE = const(0x10)
_ESR_CME = const(0x20)
_ESR_PON = const(0x80)

# Status byte.
_STB_ERRORS = const(0x04)
_STB_QUES = const(0x08)
_STB_MAV = const(0x10)
_STB_ESB = const(0x20)
_STB_MSS = const(0x40)
_STB_OPER = const(0x80)

# Operation condition.
OPER_SETTLING = const(0x0002)
OPER_MEASURING = const(0x0010)
OPER_HOLDING = const(0x0100)

# Questionable condition: one bit a sensor, and one for an alarm that was not acknowledged.
QUES_SENSOR1 = const(0x0200)
QUES_ALARM = const(0x2000)

_MAX_ERRORS = const(40)

_ERRORS = (
    "-100 Command error\n"
    "-101 Invalid character\n"
    "-102 Syntax error\n"
    "-104 Data type error\n"
    "-108 Parameter not allowed\n"
    "-109 Missing parameter\n"
    "-113 Undefined header\n"
    "-114 Header suffix out of range\n"
    "-151 Invalid string data\n"
    "-171 Invalid expression\n"
    "-200 Execution error\n"
    "-213 Init ignored\n"
    "-220 Parameter error\n"
    "-221 Settings conflict\n"
    "-222 Data out of range\n"
    "-224 Illegal parameter value\n"
    "-230 Data corrupt or stale\n"
    "-240 Hardware error\n"
    "-241 Hardware missing\n"
    "-300 Device-specific error\n"
    "-310 System error\n"
    "-321 Out of memory\n"
    "-350 Queue overflow\n"
    "-363 Input buffer overrun\n"
    "-430 Query DEADLOCKED\n"
)
"""In one piece: a dict of them would take a board three times the memory."""


def _text(number):
    """What SCPI calls an error."""
    if not number:
        return "No error"
    # Every number has a minus in front, so no other one contains it.
    at = _ERRORS.find("%d " % number)
    if at < 0:
        return "Error"
    return _ERRORS[_ERRORS.find(" ", at) + 1 : _ERRORS.find("\n", at)]


class Register:
    """One SCPI status register pair: condition, event (latched), enable."""

    def __init__(self):
        self.condition = 0
        self.event = 0
        self.enable = 0

    def set(self, condition):
        """New condition; bits that rise are latched in event."""
        self.event |= condition & ~self.condition
        self.condition = condition

    def read_event(self):
        """The event bits, cleared by reading."""
        event = self.event
        self.event = 0
        return event


class Status:
    """All of a node's status."""

    def __init__(self):
        self.operation = Register()
        self.questionable = Register()
        self.esr = _ESR_PON
        self.ese = 0
        self.sre = 0
        self._errors = []

    def clear(self):
        """*CLS: empty the queue and the event registers; enables stay."""
        self._errors = []
        self.esr = 0
        self.operation.event = 0
        self.questionable.event = 0

    def preset(self):
        """STATus:PRESet: no event is enabled."""
        self.operation.enable = 0
        self.questionable.enable = 0

    def show(self, state, faulty, ringing):
        """Conditions of a node: its state (records.*), sensors at fault as bits, any alarm."""
        operation = 0
        if state != IDLE:
            operation = OPER_MEASURING
            if state == SETTLING:
                operation |= OPER_SETTLING
            elif state == HOLDING:
                operation |= OPER_HOLDING
        self.operation.set(operation)
        self.questionable.set(faulty * QUES_SENSOR1 | (QUES_ALARM if ringing else 0))

    def error(self, number, detail=""):
        """Queue an error; the 41st becomes -350 and the rest are dropped."""
        if -200 < number <= -100:
            self.esr |= _ESR_CME
        elif -300 < number <= -200:
            self.esr |= _ESR_EXE
        elif -400 < number <= -300:
            self.esr |= _ESR_DDE
        elif number <= -400:
            self.esr |= _ESR_QYE
        held = len(self._errors)
        if held < _MAX_ERRORS:
            self._errors.append((number, detail))
        else:
            self.esr |= _ESR_DDE
            if held == _MAX_ERRORS:
                self._errors.append((-350, ""))

    def error_count(self):
        """How many errors are queued."""
        return len(self._errors)

    def next_error(self):
        """The oldest error as SCPI text, 0 when there is none."""
        number, detail = self._errors.pop(0) if self._errors else (0, "")
        text = _text(number)
        if detail:
            text += ";" + detail.replace('"', "'")
        return '%d,"%s"' % (number, text)

    def byte(self, message_available):
        """The status byte *STB? answers."""
        stb = 0
        if self._errors:
            stb |= _STB_ERRORS
        if self.questionable.event & self.questionable.enable:
            stb |= _STB_QUES
        if message_available:
            stb |= _STB_MAV
        if self.esr & self.ese:
            stb |= _STB_ESB
        if self.operation.event & self.operation.enable:
            stb |= _STB_OPER
        if stb & self.sre & ~_STB_MSS:
            stb |= _STB_MSS
        return stb

    def read_esr(self):
        """*ESR?: the event status register, cleared by reading."""
        esr = self.esr
        self.esr = 0
        return esr
