"""A small package of the same build as the real one, for the tests of tools/gen_sync.py."""
