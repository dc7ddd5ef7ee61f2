"""Pages: one file each for a sweep, a search, a plan and a comparison.

They read what those leave behind (sweep.json, slo.json, plan.json, the JSON of a comparison) as the contracts they are,
so that any page can be made again from its file. To add one, write a function that gives a `page.Page`.
"""
