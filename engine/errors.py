"""The errors a user can mend: one line that names the file, the field and the way out."""

from __future__ import annotations


class RadTuneError(Exception):
    """A mistake in what the user gave; the message alone says how to go on."""


class InputFileError(RadTuneError):
    """A file is missing, unreadable, malformed or holds nothing to work on."""


class ConfigurationError(RadTuneError):
    """A configuration key is unknown, missing or out of its range."""


class StudyError(RadTuneError):
    """A study or its database cannot be opened, continued or trusted."""
