"""Exceptions mean that we could not decide; decisions themselves are values (`decisions.py`)."""


class CoordinatorError(Exception):
    """Something outside the rules went wrong; the text is one line for a person, naming the next command."""


class StoreUnavailableError(CoordinatorError):
    """The store cannot be read or written now; nothing was recorded and the same work may be tried again."""


class BrokerUnavailableError(CoordinatorError):
    """The broker cannot be reached or refuses us now; what is owed stays owed."""


class ConfigurationError(CoordinatorError):
    """The configuration, the directory file or the broker's topology does not allow a start."""
