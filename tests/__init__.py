"""The tests. Each says what should be true; what a machine lacks is skipped by name."""
