"""The settings of a node; what there is to set, and within which limits, is in catalogue.

Values are integers counting 10^-scale of the unit named, so no setting ever passes through a
single-precision float; choices are words. The settings in force at INIT are the run's set-up and
go into the run file: together with the samples they determine every figure of the node.
"""

from prknode.compat import const

CHAMBER = "CHAMBER"
AMBIENT = "AMBIENT"
OUTLET = "OUTLET"
TWIN = "TWIN"
STATION = "STATION"
SPARE = "SPARE"
ROLES = (CHAMBER, AMBIENT, OUTLET, TWIN, STATION, SPARE)
REFERENCES = (AMBIENT, OUTLET)
"""Roles whose pressure is the one outside the leak."""

BMP390 = "BMP390"
ADAFRUIT = "ADAFRUIT"
DRIVERS = (BMP390, ADAFRUIT)
"""What reads the chips: bmp390, or Adafruit's library through adafruit."""

FASTEST_FORCED_MHZ = 12500
"""Highest rate in millihertz on the node's clock; above it the chips' FIFOs are used."""

MAX_PA = const(125000)
"""Highest pressure the sensors measure."""

OVERSAMPLINGS = (1, 2, 4, 8, 16, 32)
FILTERS = (0, 1, 3, 7, 15, 31, 63, 127)


class SettingError(ValueError):
    """A value that a setting does not take; the message says which and why."""


LONG_ROWS = 432
"""The long window: ten-minute rows over 72 h."""


class SensorSetting:
    """Where one sensor sits on the board, what it measures, and its null offset."""

    def __init__(self, bus, address, role, offset_mpa):
        self.bus = bus
        self.address = address
        self.role = role
        self.offset_mpa = offset_mpa


class Settings:
    """All settings of a node; values holds key -> integer or word, sensors a SensorSetting each."""

    def __init__(self, config):
        """config: a dict as in config.json; unknown keys and bad values raise SettingError."""
        from prknode.catalogue import sensors_of, values_of  # it needs what is defined here

        self.values = values_of(config)
        self.sensors = sensors_of(config)
        self.check()

    def check(self):
        """Raise SettingError unless the settings make sense together."""
        roles = [s.role for s in self.sensors]
        if roles.count(CHAMBER) != 1:
            raise SettingError("sensors: exactly one needs the role CHAMBER")
        if roles.count(AMBIENT) + roles.count(OUTLET) > 1:
            raise SettingError("sensors: one reference (AMBIENT or OUTLET) at the most")
        if len({(s.bus, s.address) for s in self.sensors}) != len(self.sensors):
            raise SettingError("sensors: two on the same bus and address")
        if self.values["driver"] == ADAFRUIT and self.values["rate_mhz"] > FASTEST_FORCED_MHZ:
            raise SettingError("driver ADAFRUIT: no FIFO, so 12.5 Hz at the most")

    def __getitem__(self, key):
        return self.values[key]

    def chamber(self):
        """Index of the chamber's sensor."""
        return [s.role for s in self.sensors].index(CHAMBER)

    def reference(self):
        """Index of the sensor outside the leak, or None: then reference_pa is that pressure."""
        for i, sensor in enumerate(self.sensors):
            if sensor.role in REFERENCES:
                return i
        return None

    def paired(self):
        """Bit mask of the sensors that must all deliver for a sample to count."""
        reference = self.reference()
        return 1 << self.chamber() | (0 if reference is None else 1 << reference)

    def as_dict(self):
        """The settings as config.json would hold them."""
        result = dict(self.values)
        result["sensors"] = [
            {"bus": s.bus, "address": s.address, "role": s.role, "offset_mpa": s.offset_mpa}
            for s in self.sensors
        ]
        return result
