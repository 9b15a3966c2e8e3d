"""Rules of the hop `pod`: pods and nodes."""
