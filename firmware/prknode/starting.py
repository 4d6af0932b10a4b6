"""What has to be settled before a run can begin; a board loads this for that moment only."""

from prknode.alarms import LEAST_MPA_S
from prknode.bmp390 import FAULT_NAMES
from prknode.compat import const, load
from prknode.scpi import ScpiError
from prknode.settings import FASTEST_FORCED_MHZ, SettingError

_WINDOW_S = const(2)  # of the alarm's slope, at this rate, oversampling, and LEAST_MPA_S
_RATE_MHZ = const(5000)
_OSR = const(16)
_FEWEST_SAMPLES = const(4)


def sampler_for(settings, sensors, forced):
    """What samples at these settings: forced, a Sampler, or a FifoSampler for a higher rate.

    ScpiError when the settings do not go together, or a sensor that the run needs does not work.
    """
    try:
        settings.check()
    except SettingError as error:
        raise ScpiError(-221, str(error))
    sampler = forced
    if settings["rate_mhz"] > FASTEST_FORCED_MHZ:
        sampler = load("fifo").FifoSampler(sensors, settings, settings.chamber())
    problem = sampler.problem()
    if problem:
        raise ScpiError(-221, problem)
    broken = settings.paired() & sensors.faulty
    for i in range(len(sensors.chips)):
        if broken & (1 << i):
            raise ScpiError(-241, "sensor %d: %s" % (i + 1, FAULT_NAMES[sensors.faults[i]]))
    return sampler


def window_samples(settings):
    """Over how many samples the slope is taken, at these settings.

    The slope's noise goes as the noise of a sample times sqrt(rate) over the window to 3/2.
    """
    rate = settings["rate_mhz"]
    threshold = settings["alarm_mpa_s"]
    cube = (_WINDOW_S * rate) ** 3
    scale = 1000**3
    if threshold and threshold < LEAST_MPA_S:
        cube *= LEAST_MPA_S**2
        scale *= threshold**2
    noise = _RATE_MHZ * _OSR
    if rate * settings["osr_p"] < noise:
        cube *= noise
        scale *= rate * settings["osr_p"]
    return max(_FEWEST_SAMPLES, icbrt((cube + scale - 1) // scale))


def icbrt(n):
    """The smallest integer whose cube is not below n; n >= 0."""
    x = 0
    step = 1
    while step * step * step < n:
        step <<= 1
    while step:
        if (x + step) ** 3 < n:
            x += step
        step >>= 1
    return x + 1 if n else 0
