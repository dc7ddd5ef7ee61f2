"""The commands of evalcore, one file each, imported when called."""
