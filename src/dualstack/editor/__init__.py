"""Files under review while they are being written: what an editor asks of a language server."""
