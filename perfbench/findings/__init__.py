"""Findings: what would make a reader of the figures believe something that is not so, found in the run itself."""
