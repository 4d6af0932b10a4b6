"""First file of the child process; its folder is on the path, the firmware comes from the flash."""

import sys

import virtual_board

virtual_board.start(sys.argv[1:])
