"""What each figure of budgets.py was, and 15 % more: beyond it the firmware has become slower.

Written anew with `tools/pico_budgets.py --ceilings` after a change that is meant to cost more.
"""

CEILINGS: dict[str, float] = {
    "power-on to first sample": 0.817,
    "idle: processor, waking every millisecond": 1.38,
    "5 Hz x 2: processor": 3.1,
    "5 Hz x 2: processor beside the idle poll": 1.72,
    "5 Hz x 2: a sample": 430,
    "200 Hz x 2: processor": 31.6,
    "200 Hz x 2: a sample": 198,
    "block: collection": 45.2,
    "block: compensation": 3.54,
    "block: short solution": 15.6,
    "block: long solution": 17.8,
    "block: moments": 3.15,
    "block: step": 21.5,
    "block: step with a row of ten minutes": 37.4,
    "block: longest step and collection": 82.7,
    "block: heap of a step": 40500,
    "*IDN?: to the last byte": 5.52,
    "*IDN?: heap": 644,
    "DATA:POIN?: to the last byte": 8.05,
    "DATA:POIN?: heap": 920,
    "DATA:READ? 0,200: to the last byte": 14.7,
    "DATA:READ? 0,200: heap": 1100,
    "CALC:DEC?: to the last byte": 7.13,
    "CALC:DEC?: heap": 607,
    "MEAS:PRES?: to the last byte": 57.4,
    "MEAS:PRES?: heap": 4030,
    "SYST:ERR?: to the last byte": 6.56,
    "SYST:ERR?: heap": 570,
    "SENS:RATE?: to the last byte": 10.1,
    "SENS:RATE?: heap": 957,
    "NONSENSE 1,2,3;:SYST:ERR?: to the last byte": 17.1,
    "NONSENSE 1,2,3;:SYST:ERR?: heap": 1770,
}
