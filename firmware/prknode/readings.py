"""Single readings as text: what MEASure? answers, with the next sample."""

from prknode.bmp390 import FAULT_NAMES
from prknode.compensate import PASCAL_BITS, ZERO_CELSIUS, Compensation
from prknode.integers import format_decimal, round_div
from prknode.link import PENDING
from prknode.records import SENSOR_BYTES

NOT_A_NUMBER = "9.91E37"
"""What SCPI answers for a number that is not there."""


def reading(quantity, trim, data, offset_mpa):
    """Compensate six bytes of raw counts; Pa with 3 decimals, or K with 4.

    quantity: "pressure" or "temperature"; trim: the chip's trim bytes; offset_mpa: null offset.
    """
    compensation = Compensation(trim)
    celsius = compensation.celsius(1, data[3] | data[4] << 8 | data[5] << 16)
    if quantity == "temperature":
        return format_decimal(round_div((celsius + ZERO_CELSIUS) * 10000, 1 << 20), 4)
    p = compensation.pascal(1, data[0] | data[1] << 8 | data[2] << 16, celsius)
    offset = round_div(offset_mpa << PASCAL_BITS, 1000)
    return format_decimal(round_div((p - offset) * 1000, 1 << PASCAL_BITS), 3)


class Readings:
    """The reading that a host waits for; wanted: quantity and sensors asked for, or None."""

    def __init__(self, sensors, status):
        self._sensors = sensors
        self._status = status
        self.wanted = None

    def finish(self, sampler, settings, fresh, measuring):
        """The reading asked for as text, or PENDING; NaN for a sensor that does not work.

        fresh: whether the sampler has put forth a sample in this turn.
        """
        quantity, wanted = self.wanted
        mask = 0
        for i in wanted:
            mask |= 1 << i
        faulty = self._sensors.faulty
        if not fresh:
            # With every FIFO silent no sample will come.
            if not measuring or mask & ~faulty:
                return PENDING
        elif mask & ~(faulty | sampler.valid):
            return PENDING
        self.wanted = None
        valid = sampler.valid if fresh else 0
        return ",".join(self._one(quantity, i, sampler, settings, valid) for i in wanted)

    def _one(self, quantity, i, sampler, settings, valid):
        sensors = self._sensors
        if not valid & (1 << i):
            fault = FAULT_NAMES[sensors.faults[i]]
            self._status.error(-240, "sensor %d: %s" % (i + 1, fault))
            return NOT_A_NUMBER
        counts = bytearray(SENSOR_BYTES * len(sensors.chips))
        sampler.fill(counts, 0)
        offset_mpa = settings.sensors[i].offset_mpa
        return reading(quantity, sensors.chips[i].trim, counts[SENSOR_BYTES * i :], offset_mpa)
