"""Settings: how what people write (a flag, a YAML key, JSON) is read, and how it is refused: with place, value, remedy.

Knows nothing of scenarios: what the settings are is for those to say who have some.
"""
