"""What the core has to know about the sync facade."""

from flywheel_async.flavour import Flavour, Registry
from flywheel_async.sync._runner import at_thread_close, is_nested


def _registry() -> Registry:
    from flywheel_async.sync.models import registry

    return registry()


SYNC = Flavour(_registry, inline=True, nested=is_nested, at_close=at_thread_close)
