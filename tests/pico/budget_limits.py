"""What each figure of budgets.py was, and 15 % more: beyond it the firmware has become slower.

Written anew with `tools/pico_budgets.py --ceilings` after a change that is meant to cost more.
"""

CEILINGS: dict[str, float] = {
    "power-on to first sample": 1.03,
    "idle: processor, waking every millisecond": 1.39,
    "5 Hz x 2: processor": 3.09,
    "5 Hz x 2: processor beside the idle poll": 1.71,
    "5 Hz x 2: a sample": 427,
    "200 Hz x 2: processor": 30.6,
    "200 Hz x 2: a sample": 191,
    "block: collection": 45.8,
    "block: compensation": 5.23,
    "block: short solution": 15.5,
    "block: long solution": 18.4,
    "block: moments": 2.9,
    "block: step": 23.2,
    "block: step with a row of ten minutes": 40.3,
    "block: longest step and collection": 86.1,
    "block: heap of a step": 22600,
    "*IDN?: to the last byte": 5.52,
    "*IDN?: heap": 570,
    "DATA:POIN?: to the last byte": 9.32,
    "DATA:POIN?: heap": 846,
    "DATA:READ? 0,200: to the last byte": 13.7,
    "DATA:READ? 0,200: heap": 1030,
    "CALC:DEC?: to the last byte": 8.4,
    "CALC:DEC?: heap": 534,
    "MEAS:PRES?: to the last byte": 58.2,
    "MEAS:PRES?: heap": 6990,
    "SYST:ERR?: to the last byte": 6.67,
    "SYST:ERR?: heap": 497,
    "SENS:RATE?: to the last byte": 10.6,
    "SENS:RATE?: heap": 902,
    "NONSENSE 1,2,3;:SYST:ERR?: to the last byte": 17,
    "NONSENSE 1,2,3;:SYST:ERR?: heap": 1470,
}
