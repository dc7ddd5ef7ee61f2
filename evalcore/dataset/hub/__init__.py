"""Hubs: fetch the files of a data set through the hub's own library, into its cache."""
