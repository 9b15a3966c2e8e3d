"""Frozen values that the other layers exchange; nothing here does I/O."""
