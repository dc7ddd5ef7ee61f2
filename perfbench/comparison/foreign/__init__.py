"""Foreign: records of other tools, as records of ours. One file a tool, and one table of them."""
