"""Every operation as the async client offers it, for type checkers and editors.

What the classes offer is in signatures.pyi, which tools/gen_signatures.py writes. Here they are empty: at run time the
operations are found in the table.
"""


class AsyncRaw:
    """Every operation, answered whole."""


class AsyncStreaming:
    """Every operation, answered piece by piece."""


class AsyncIterate:
    """Every list operation, page after page."""


class AsyncFlatNames:
    """Every operation, its answer simplified."""
