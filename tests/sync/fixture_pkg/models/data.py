"""Data without behaviour has no class of its own here."""

from types import SimpleNamespace

Data = SimpleNamespace
