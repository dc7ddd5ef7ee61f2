"""The commands of `perfbench`, one a file. They parse, call and print; what they call does the work."""
