"""The world as evidence: one file a source, all of it through `env.py`."""
