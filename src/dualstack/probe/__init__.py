"""Connections and exports that this tool makes: planned by pure functions, run here."""
