"""The directory of agencies, as the commands read it."""

from coordinator.directory.counties import load_counties
from coordinator.directory.reader import load_directory
from coordinator.model.directory import Directory
from coordinator.settings import Settings


def read_directory_of(settings: Settings) -> Directory:
    """Read the directory file; raises `ConfigurationError` with its first mistake."""
    return load_directory(settings.directory.path, counties=load_counties().names)
