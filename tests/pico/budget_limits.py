"""What each figure of budgets.py was, and 15 % more: beyond it the firmware has become slower.

Written anew with `tools/pico_budgets.py --ceilings` after a change that is meant to cost more.
"""

CEILINGS: dict[str, float] = {
    "power-on to first sample": 1.02,
    "idle: processor, waking every millisecond": 1.39,
    "5 Hz x 2: processor": 3.09,
    "5 Hz x 2: processor beside the idle poll": 1.71,
    "5 Hz x 2: a sample": 427,
    "200 Hz x 2: processor": 30.8,
    "200 Hz x 2: a sample": 192,
    "block: collection": 46,
    "block: compensation": 5.57,
    "block: short solution": 15.6,
    "block: long solution": 18.6,
    "block: moments": 3.09,
    "block: step": 23.4,
    "block: step with a row of ten minutes": 76,
    "block: longest step and collection": 122,
    "block: heap of a step": 22600,
    "*IDN?: to the last byte": 5.29,
    "*IDN?: heap": 570,
    "DATA:POIN?: to the last byte": 12,
    "DATA:POIN?: heap": 846,
    "DATA:READ? 0,200: to the last byte": 12.4,
    "DATA:READ? 0,200: heap": 1070,
    "CALC:DEC?: to the last byte": 8.05,
    "CALC:DEC?: heap": 534,
    "MEAS:PRES?: to the last byte": 58.1,
    "MEAS:PRES?: heap": 6290,
    "SYST:ERR?: to the last byte": 6.56,
    "SYST:ERR?: heap": 497,
    "SENS:RATE?: to the last byte": 10.4,
    "SENS:RATE?: heap": 754,
    "NONSENSE 1,2,3;:SYST:ERR?: to the last byte": 16.7,
    "NONSENSE 1,2,3;:SYST:ERR?: heap": 1470,
}
