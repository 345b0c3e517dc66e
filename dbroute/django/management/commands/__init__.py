"""One module for each command: they parse, call and print."""
