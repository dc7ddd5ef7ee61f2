"""Statistics: how sure a figure is. Pure functions of arrays: no records, no clock, no unseeded randomness."""
