"""Rules about names and the addresses they yield."""
