"""What tests import; loads before settings, so it imports Django and dbroute.django only inside functions."""

from .override import override_config

__all__ = ["override_config"]
