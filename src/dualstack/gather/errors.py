"""What the user gave and cannot be used."""


class BadInput(ValueError):
    """A file, namespace or setting that cannot be read: one message that names the place and the way out."""
