"""Rules about packet filters."""
