"""Networks whose weights the program knows how to read, one file an architecture."""
