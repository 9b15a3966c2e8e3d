"""Edits carried out: one file for each kind of target."""
