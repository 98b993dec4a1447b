"""The one exception that a user is meant to read."""


class NetchuError(Exception):
    """Bad input: one line that names the file, the reason and what to do about it.

    The command line prints it and ends with exit code 2, or lists it and goes on inside a batch.
    """
