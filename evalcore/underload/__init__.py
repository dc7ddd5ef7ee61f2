"""Under load: benchmark items as the load of a perfbench run, and what their answers are worth.

`items` are what perfbench sends, `scoring` makes reviews of its records, `fall` tells whether accuracy falls as load
rises. perfbench reaches this room through one seam (perfbench.workload.quality) and only when a scenario asks for it.
"""
