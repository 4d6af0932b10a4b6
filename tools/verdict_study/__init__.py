"""The study of what the bench promises: verdicts, intervals, precision, delays, flow laws."""
