"""What the command line tells in one line, without a traceback."""


class Refusal(RuntimeError):
    """Something that whoever asked can put right; the message says how."""
