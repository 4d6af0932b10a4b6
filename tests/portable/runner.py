"""Runs a file's tests under an interpreter that has no test framework."""

import sys


def run(names):
    """Run the test_* functions of a module's globals, or those named on the command line.

    The last line printed says how many there were and how many failed.
    Under a test framework, which imports the file instead of running it, this is not called.
    """
    failed = 0
    count = 0
    for name in sorted(names):
        if not name.startswith("test_") or (sys.argv[1:] and name not in sys.argv[1:]):
            continue
        count += 1
        try:
            names[name]()
        except Exception as error:
            failed += 1
            print("FAILED", name)
            if hasattr(sys, "print_exception"):
                sys.print_exception(error)
            else:
                print(repr(error))
    print("%d tests, %d failed" % (count, failed))


def raises(error, call, *arguments):
    """The error that call(*arguments) raises; AssertionError if it does not."""
    try:
        call(*arguments)
    except error as caught:
        return caught
    raise AssertionError("no %s" % error.__name__)
