"""Capacity: how much an endpoint carries within its limits, how that grows, and how many replicas a target needs.

A sweep measures points of a curve, a search finds the largest load that meets an SLO, the models (usl, queueing) say
what lies between and beyond the points, `simulate` plays them through, and `plan` turns all of it into replicas and
money. Everything that is measured is an ordinary run; this room decides which runs, and reads what they recorded.
"""
