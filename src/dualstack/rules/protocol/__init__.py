"""Rules about what a listener answers."""
