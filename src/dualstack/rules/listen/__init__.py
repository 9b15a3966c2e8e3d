"""Rules about listening sockets."""
