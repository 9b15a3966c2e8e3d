"""The reasoning core: pure functions over tables."""
