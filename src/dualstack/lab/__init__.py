"""Receivers and network namespaces of our own, broken on purpose."""
