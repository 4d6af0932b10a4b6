"""The node: one cooperative step(now) that samples, reduces and answers.

It never sleeps: step() does what is due and returns how long nothing will be. Everything that
differs between a board, the unix port and a test comes in through the board object.
"""

from prknode import commands
from prknode.alarms import Alarms
from prknode.answers import Answers
from prknode.blocks import BlockSums
from prknode.bmp390 import FAULT_NAMES, OK
from prknode.compat import const, forget, load
from prknode.decay import Estimator, windows_for
from prknode.drivers import fit
from prknode.hotpath import look_back, pack_head
from prknode.link import PENDING, Link
from prknode.readings import Readings
from prknode.records import (
    ALARM,
    EV_ABORT,
    EV_ALARM,
    EV_BOOT,
    EV_FAULT,
    EV_INIT,
    EV_MARK,
    EV_MISSED,
    EV_RECOVERED,
    EV_STATE,
    EVENT_SIZE,
    FAULT,
    FLAG_FAULT,
    FLAG_LATE,
    FLAG_RESTART,
    FLAG_STATE,
    FLAG_STATE_SHIFT,
    HOLDING,
    IDLE,
    RESULT_SIZE,
    SAMPLE_HEAD,
    SETTLING,
    STATE_NAMES,
    block_size,
    pack_block,
    pack_event,
    sample_size,
)
from prknode.ring import Ring, fullest
from prknode.scpi import ScpiError
from prknode.segments import EVENT_CODES
from prknode.sensors import Sensors
from prknode.settings import FASTEST_FORCED_MHZ, Settings
from prknode.status import Status
from prknode.ticks import Elapsed, ticks_diff

_BLOCKS = const(32)  # slots, minutes: of a host that looks less often the samples tell more
_EVENTS = const(24)
_NO_SENSOR = const(0xFF)
_SAMPLES_A_STEP = const(12)
_PASSED_OVER = const(3)
# Only above 12.5 Hz; what uses a module comes before it.
_FIFO = ("fifo", "framequeue", "frameclock", "chipfifo")


class Node:
    """One leak-test node.

    board: see board.Board for what it offers; config: dict as in config.json;
    ring_records: samples the RAM ring holds.
    """

    def __init__(self, board, config, ring_records=4096):
        self.board = board
        self._config = config
        self.settings = Settings(config)
        n = len(self.settings.sensors)
        self.chips = fit([], board, self.settings)
        self.sensors = Sensors(self.chips)
        self._sampler = self._forced()
        self._set_up()
        # What is large is allocated once, while the heap is still in one piece.
        self.samples = Ring(sample_size(n), ring_records)
        self._windows = windows_for(self.settings)
        self.blocks_ring = Ring(block_size(n), _BLOCKS)
        self.results = Ring(RESULT_SIZE, _BLOCKS)
        self.events = Ring(EVENT_SIZE, _EVENTS)
        self._rings = (self.samples, self.blocks_ring, self.results, self.events)
        self.status = Status()
        self.uptime = Elapsed()
        self.uptime.start(board.ticks_us())
        self._time = Elapsed()
        self._link = Link(board, self, self.status)
        self.answers = Answers(self.samples.size, self._link)
        self._sums = None
        self._paired = 0
        self._fresh = False
        self._passed_over = 0
        self.estimator = None
        self._setup = b"{}"
        self._readings = Readings(self.sensors, self.status)
        self.run_id = 0
        self.measuring = False
        self.state = IDLE
        self.ascii = False
        self._missed = 0
        self.alarms = Alarms()
        self.valves = self._shut_valves()
        self.note(EV_BOOT, 0, board.reset_cause())

    # The loop -----------------------------------------------------------------------------

    def step(self, now):
        """Do what is due at tick `now`; returns the microseconds until something is."""
        sampler = self._sampler
        wait = sampler.step(now)
        if self.sensors.changed:
            self._faults_changed()
        n = 0
        if self.measuring:
            self._time.update(now)
            while n < _SAMPLES_A_STEP and sampler.next_sample():
                self._record(now)
                n += 1
            if n == _SAMPLES_A_STEP:
                wait = 0
            if self.valves is not None:
                wait = min(wait, self.valves.step(now))
        else:
            self.uptime.update(now)
            n = sampler.next_sample()
        self._fresh = n > 0
        # A look at the line takes as long as a sample: not amid emptying the FIFOs.
        if wait == 0 and n == 0 and self._passed_over < _PASSED_OVER:
            self._passed_over += 1
            return 0
        self._passed_over = 0
        return 0 if self._link.step(now) else wait

    @property
    def busy(self):
        """Whether time must pass for the node to get on: measuring, or a reading under way."""
        return self.measuring or self._readings.wanted is not None or not self.sensors.settled()

    def fill_percent(self):
        """How full the fullest ring is with records the host has not taken."""
        return fullest(self._rings) if self.measuring else 0

    def _record(self, now):
        """Store one sample; allocates nothing unless it is the first of a new slot."""
        look_back(self._time.words, ticks_diff(now, self._sampler.taken))
        ring = self.samples
        flags = self._flags()
        pack_head(ring.data, ring.at, self._time.words, flags)
        self._sampler.fill(ring.data, ring.at + SAMPLE_HEAD)
        if self.alarms.sample(ring.data, ring.at):
            self._rang()
        elif self.valves is not None and self.valves.control():
            self.show_state()
        if not self._sums.add(ring.data, ring.at):
            self._close_slots(ring.data, ring.at)
            # The state may have changed with the slot.
            flags = flags & ~FLAG_STATE | self.state << FLAG_STATE_SHIFT
            pack_head(ring.data, ring.at, self._time.words, flags)
        ring.push()
        missed = self._sampler.missed - self._missed
        if missed:
            self._missed += missed
            self.note(EV_MISSED, missed, "samples not taken in time")

    def _flags(self):
        sampler = self._sampler
        flags = sampler.valid | self.state << FLAG_STATE_SHIFT
        if sampler.late:
            flags |= FLAG_LATE
        if sampler.restarted & self._paired:
            flags |= FLAG_RESTART
        if self.sensors.faulty & self._paired:
            flags |= FLAG_FAULT
        valves = self.valves
        if valves is not None and valves.used:
            flags |= valves.flags()
        return flags

    def _close_slots(self, data, start):
        """Close slots until the present one takes the record at that offset."""
        sums = self._sums
        while not sums.add(data, start):
            block = sums.take()
            if block is not None:
                self._reduce(block)
        self.uptime.update(self.board.ticks_us())
        # The one point of the cycle where garbage is collected: right after it was made.
        self.board.collect()

    def _reduce(self, block):
        estimator = self.estimator
        estimator.step(block)
        self.sensors.failed = self.sensors.faulty
        ring = self.blocks_ring
        pack_block(
            ring.data, ring.at, block.slot, block.first, block.flags, block.count,
            block.numbers, block.pressures, block.temperatures,
        )  # fmt: skip
        ring.push()
        estimator.pack_result(self.results.data, self.results.at, block.slot)
        self.results.push()
        code = EVENT_CODES[estimator.event]
        if code:
            self.note(code, block.slot, "new segment")
        if self.alarms.block(block):
            self._rang()
        if self.valves is not None:
            self.valves.block(block)
        self.show_state()

    # States and events --------------------------------------------------------------------

    def show_state(self):
        """Derive the state and tell the status registers and the event log of a change."""
        valves = self.valves
        if not self.measuring:
            state = IDLE
        elif self.alarms.ringing:
            state = ALARM
        elif self.sensors.faulty & self._paired:
            state = FAULT
        elif valves is not None and valves.high:
            state = HOLDING
        elif self.sensors.failed & self._paired:
            # The estimator hears of it when the slot is over.
            state = SETTLING
        else:
            state = self.estimator.state
        if state != self.state:
            self.note(EV_STATE, state, STATE_NAMES[state])
            self.state = state
        self.status.show(state, self.sensors.faulty, self.alarms.ringing)

    def _faults_changed(self):
        """Some sensors' faults have changed: log each, and raise or clear its status bit."""
        sensors = self.sensors
        for i in range(len(self.chips)):
            if sensors.changed & (1 << i):
                fault = sensors.faults[i]
                code = EV_RECOVERED if fault == OK else EV_FAULT
                self._event(code, i, fault, FAULT_NAMES[fault])
        sensors.changed = 0
        if self.valves is not None:
            self.valves.forbid(sensors.faulty & self._paired != 0)
        self.show_state()

    def _rang(self):
        """An alarm rings: nothing more is let in or out."""
        self.note(EV_ALARM, self.alarms.value, self.alarms.name)
        if self.valves is not None:
            self.valves.end("alarm")
        self.show_state()

    def note(self, code, value, text):
        """Write an event that is no sensor's."""
        self._event(code, _NO_SENSOR, value, text)

    def _event(self, code, sensor, value, text):
        time = self._time if self.measuring else self.uptime
        t_us = time.at(self.board.ticks_us())
        pack_event(self.events.data, self.events.at, t_us, code, sensor, value, text)
        self.events.push()

    # What commands ask for ----------------------------------------------------------------

    def execute(self, header, parameters):
        """Carry out one SCPI command; see commands."""
        return commands.execute(self, header, parameters)

    def require_idle(self):
        """Settings may not change under a running measurement: it must replay from one set-up."""
        if self.measuring:
            raise ScpiError(-221, "measuring: ABORt first")

    def change(self, key, value):
        """Put a setting into force; one that is in force already disturbs no sensor."""
        if self.settings.values[key] == value:
            return
        self.settings.values[key] = value
        if key in ("osr_p", "osr_t", "iir", "driver"):
            self._set_up()
        self._sampler.configure(self.settings)

    def _forced(self):
        """What is in charge whenever nothing is measured, and of measurements up to 12.5 Hz."""
        forget(*_FIFO)
        return load("sampler").Sampler(self.sensors, self.settings)

    def _shut_valves(self):
        """The board's valves, all shut, or None where it has none."""
        if not self.board.valves():
            return None
        return load("valves").Valves(self.board, self.alarms, self._event)

    def _set_up(self):
        settings = self.settings
        fit(self.chips, self.board, settings)
        self.sensors.set_up(settings["osr_p"], settings["osr_t"], settings["iir"])

    def restore(self):
        """Back to the settings of config.json; no alarm, all valves shut."""
        self.alarms.clear()
        if self.valves is not None:
            self.valves.end()
        old = self.settings
        self.settings = Settings(self._config)
        self.ascii = False
        if old.as_dict() != self.settings.as_dict():
            self._set_up()
            self._sampler.configure(self.settings)

    def initiate(self):
        """Start a run: a new id, empty rings, time zero."""
        if self.measuring:
            raise ScpiError(-213, "already measuring")
        starting = load("starting")
        settings = self.settings
        sampler = starting.sampler_for(settings, self.sensors, self._sampler)
        paired = settings.paired()
        expected = 60 * settings["rate_mhz"] // 1000
        self.estimator = None
        self.board.collect()
        self._windows = windows_for(settings, self._windows)
        self.estimator = Estimator(settings, [chip.trim for chip in self.chips], self._windows)
        self._sums = BlockSums(len(self.chips), paired, expected)
        self._paired = paired
        if sampler is not self._sampler and self.valves is not None:
            # There is no room for both: valves can be used up to 12.5 Hz.
            self.valves.end()
            self.valves = None
            forget("valves")
        self.alarms.begin(settings, self.estimator, starting.window_samples(settings))
        if self.valves is not None:
            self.valves.begin(settings)
        self.run_id = self.board.new_run_id()
        self._setup = self._describe(self.run_id)
        for ring in self._rings:
            ring.clear()
        now = self.board.ticks_us()
        self._time.start(now)
        self._missed = 0
        self.sensors.failed = 0
        self.measuring = True
        forget("starting")
        if sampler is not self._sampler:
            forget("sampler")
        self._sampler = sampler
        sampler.start(now)
        self.note(EV_INIT, 0, "")
        self.show_state()

    def abort(self):
        """End the run; what is in the rings can still be read."""
        if self.measuring:
            if self.valves is not None:
                self.valves.end()
            self.note(EV_ABORT, 0, "")
            self._sampler.stop()
            if self.settings["rate_mhz"] > FASTEST_FORCED_MHZ:
                self._sampler = self._forced()
                self.valves = self._shut_valves()
            self.measuring = False
            self.show_state()

    def mark(self, text):
        """Note what the operator says, at this moment."""
        self.note(EV_MARK, 0, text)
        self.alarms.hear(text)

    def run_time(self):
        """Microseconds since INITiate, or None when not measuring."""
        if not self.measuring:
            return None
        return self._time.at(self.board.ticks_us())

    def begin_measurement(self, quantity, sensors):
        """Ask for a reading; finish_measurement() gives it once it is there."""
        self._readings.wanted = quantity, sensors
        if not self.measuring:
            self._sampler.single(self.board.ticks_us())

    def finish_measurement(self):
        """The reading asked for as text, or PENDING; see readings.Readings."""
        if not self._fresh and not (self.measuring and self.sensors.faulty):
            return PENDING
        return self._readings.finish(self._sampler, self.settings, self._fresh, self.measuring)

    def setup_json(self):
        """The run's set-up as JSON bytes."""
        return self._setup if self.run_id else self._describe(0)

    def _describe(self, run_id):
        found = load("setup").describe(self.settings, run_id, self.board.unique_id(), self.chips)
        forget("setup")
        return found
