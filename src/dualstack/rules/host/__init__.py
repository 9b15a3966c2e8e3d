"""Rules about the kernel and the interfaces of a host."""
