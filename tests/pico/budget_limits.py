"""What each figure of budgets.py was, and 15 % more: beyond it the firmware has become slower.

Written anew with `tools/pico_budgets.py --ceilings` after a change that is meant to cost more.
"""

CEILINGS: dict[str, float] = {
    "power-on to first sample": 0.789,
    "idle: processor, waking every millisecond": 1.38,
    "5 Hz x 2: processor": 3.1,
    "5 Hz x 2: processor beside the idle poll": 1.72,
    "5 Hz x 2: a sample": 430,
    "200 Hz x 2: processor": 30.6,
    "200 Hz x 2: a sample": 191,
    "block: collection": 45.8,
    "block: compensation": 3.6,
    "block: short solution": 13.8,
    "block: long solution": 16.3,
    "block: moments": 3.42,
    "block: step": 21.7,
    "block: step with a row of ten minutes": 37.7,
    "block: longest step and collection": 83.5,
    "block: heap of a step": 22600,
    "*IDN?: to the last byte": 5.52,
    "*IDN?: heap": 644,
    "DATA:POIN?: to the last byte": 8.05,
    "DATA:POIN?: heap": 920,
    "DATA:READ? 0,200: to the last byte": 10.6,
    "DATA:READ? 0,200: heap": 1140,
    "CALC:DEC?: to the last byte": 7.02,
    "CALC:DEC?: heap": 607,
    "MEAS:PRES?: to the last byte": 59.2,
    "MEAS:PRES?: heap": 4030,
    "SYST:ERR?: to the last byte": 7.13,
    "SYST:ERR?: heap": 570,
    "SENS:RATE?: to the last byte": 10.1,
    "SENS:RATE?: heap": 957,
    "NONSENSE 1,2,3;:SYST:ERR?: to the last byte": 16.8,
    "NONSENSE 1,2,3;:SYST:ERR?: heap": 1770,
}
