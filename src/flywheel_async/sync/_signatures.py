"""Every operation as the sync client offers it, for type checkers and editors.

What the classes offer is in _signatures.pyi, which tools/gen_signatures.py writes. Here they are empty: at run time the
operations are found in the table.
"""


class Raw:
    """Every operation, answered whole."""


class Streaming:
    """Every operation, answered piece by piece."""


class Iterate:
    """Every list operation, page after page."""


class FlatNames:
    """Every operation, its answer simplified."""
