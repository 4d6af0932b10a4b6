"""Everything that can be set on the node: name, SCPI header, unit, limits, default."""

from prknode.compat import const
from prknode.integers import format_decimal, parse_decimal
from prknode.law import LAWS
from prknode.settings import (
    DRIVERS,
    FILTERS,
    MAX_PA,
    OVERSAMPLINGS,
    ROLES,
    SPARE,
    SensorSetting,
    SettingError,
)


class Number:
    """A number: key in the configuration, SCPI header, default, unit, decimal scale, limits."""

    __slots__ = ("default", "header", "high", "key", "low", "members", "scale", "unit")

    def __init__(self, key, header, default, unit, scale, low, high, members=None):
        self.key = key
        self.header = header
        self.unit = unit
        self.scale = scale
        self.low = low
        self.high = high
        self.default = default
        self.members = members

    def parse(self, text):
        """The integer for an SCPI parameter: a number, perhaps with the unit, or MIN, MAX, DEF."""
        word = text.strip().upper()
        if word in ("MIN", "MINIMUM"):
            return self.low
        if word in ("MAX", "MAXIMUM"):
            return self.high
        if word in ("DEF", "DEFAULT"):
            return self.default
        if self.unit and word.endswith(self.unit):
            word = word[: -len(self.unit)]
        return parse_decimal(word, self.scale)

    def check(self, value):
        """Return value if it is an integer within the limits, else raise SettingError."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise SettingError("%s: a whole number expected, not %s" % (self.key, value))
        if not self.low <= value <= self.high or (self.members and value not in self.members):
            raise SettingError("%s: %d is outside %s" % (
                self.key, value, self.members or (self.low, self.high)))  # fmt: skip
        return value

    def show(self, value):
        """The value as SCPI answers it, in the unit."""
        return format_decimal(value, self.scale)


class Choice:
    """One of several words (key, SCPI header, default), taken in full or by its first letters."""

    __slots__ = ("default", "header", "key", "words")

    def __init__(self, key, header, default, words):
        self.key = key
        self.header = header
        self.words = words
        self.default = default

    def parse(self, text):
        """The full word for an SCPI parameter; its first four letters will do."""
        word = text.strip().upper()
        for full in self.words:
            if word == full or (len(word) >= 4 and full.startswith(word)):
                return full
        if word in ("DEF", "DEFAULT"):
            return self.default
        raise ValueError("not one of the choices")

    def check(self, value):
        """Return value if it is one of the words, else raise SettingError."""
        if value not in self.words:
            raise SettingError("%s: one of %s expected" % (self.key, ", ".join(self.words)))
        return value

    def show(self, value):
        """The word as SCPI answers it."""
        return value


# fmt: off
_TABLE = (
    # key, header, default, unit, decimal scale, limits[, members]: a Number
    ("rate_mhz", "SENSe:RATE", 5000, "HZ", 3, 10, 200000),
    ("osr_p", "SENSe:OVERsampling:PRESsure", 16, "", 0, 1, 32, OVERSAMPLINGS),
    ("osr_t", "SENSe:OVERsampling:TEMPerature", 2, "", 0, 1, 32, OVERSAMPLINGS),
    ("iir", "SENSe:FILTer", 0, "", 0, 0, 127, FILTERS),
    # key, header, default, words: a Choice
    ("driver", "SENSe:DRIVer", DRIVERS[0], DRIVERS),
    ("law", "SENSe:LAW", LAWS[0], LAWS),
    ("norm_pa", "SENSe:LAW:NORM", 110000, "PA", 0, 100, 200000),
    ("reference_pa", "SENSe:REFerence:PRESsure", 0, "PA", 0, 0, 125000),
    ("t_ref_mk", "CALCulate:REFerence:TEMPerature", 295000, "K", 3, 233150, 358150),
    ("rho1024", "CALCulate:CORRelation", 1007, "", 0, 0, 1020),
    ("lag_s", "CALCulate:LAG", 240, "S", 0, 0, 3600),
    ("window_min", "CALCulate:WINDow", 360, "", 0, 30, 720),
    ("settle_min", "CALCulate:SETTle", 10, "", 0, 0, 240),
    ("jump_pa", "CALCulate:JUMP", 150, "PA", 0, 20, 50000),
    ("planned", "CALCulate:PLANned", 0, "", 18, 0, 10**17),
    ("sealed_se", "CALCulate:SEALed", 0, "", 18, 0, 10**17),
    ("alarm_mpa_s", "CALCulate:ALARm:RATE", 0, "PA/S", 3, 0, 10000000),
    ("alarm_pa", "CALCulate:ALARm:PRESsure", 0, "PA", 0, 0, MAX_PA),
    ("valve_ms", "OUTPut:VALVe:LIMit", 10000, "S", 3, 100, 600000),
    ("represses_h", "SOURce:PRESsure:HOLD:LIMit", 12, "", 0, 1, 60),
)
# fmt: on
_KEY = const(0)
_HEADER = const(1)
_DEFAULT = const(2)
_CHOICE_COLUMNS = const(4)


def _setting(row):
    return Choice(*row) if len(row) == _CHOICE_COLUMNS else Number(*row)


def named(fits):
    """The first setting whose header fits(header), or None; made when asked for, none is kept."""
    for row in _TABLE:
        if fits(row[_HEADER]):
            return _setting(row)
    return None


def defaults():
    """Key -> default of every setting, in order."""
    return {row[_KEY]: row[_DEFAULT] for row in _TABLE}


def all_settings():
    """Every setting as a Number or a Choice."""
    return [_setting(row) for row in _TABLE]


OFFSET = Number("offset_mpa", "CALibration:OFFSet", 0, "PA", 3, -5000000, 5000000)
_BUS = Number("sensor bus", "", 0, "", 0, 0, 1)
_ADDRESS = Number("sensor address", "", 0x77, "", 0, 0x76, 0x77)
ROLE = Choice("role", "SENSe:ROLE", SPARE, ROLES)

MAX_SENSORS = 4
_OTHER_KEYS = ("sensors", "board", "autostart", "watchdog_ms")


def values_of(config):
    """Key -> value of every setting, from a dict as config.json holds; raises SettingError."""
    values = defaults()
    for row in _TABLE:
        key = row[_KEY]
        if key in config:
            values[key] = _setting(row).check(config[key])
    for key in config:
        if key not in values and key not in _OTHER_KEYS:
            raise SettingError("config.json: no setting is called %s" % key)
    return values


def sensors_of(config):
    """A SensorSetting for each sensor of such a dict; raises SettingError."""
    sensors = config.get("sensors", [])
    if not isinstance(sensors, list) or not 1 <= len(sensors) <= MAX_SENSORS:
        raise SettingError("config.json: sensors: a list of one to four expected")
    return [_sensor(entry) for entry in sensors]


def _sensor(entry):
    if not isinstance(entry, dict):
        raise SettingError("config.json: each sensor is a table with bus, address, role")
    for key in entry:
        if key not in ("bus", "address", "role", "offset_mpa"):
            raise SettingError("config.json: a sensor has no %s" % key)
    role = entry.get("role", SPARE)
    return SensorSetting(
        _BUS.check(entry.get("bus", 0)),
        _ADDRESS.check(entry.get("address", 0x77)),
        ROLE.check(role.upper() if isinstance(role, str) else role),
        OFFSET.check(entry.get("offset_mpa", 0)),
    )
