"""Where samples come from: find files, read rows, choose which of them are asked."""
