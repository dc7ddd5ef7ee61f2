"""The simulator: an OpenAI-compatible server with a known schedule and a known skill.

It answers in every dialect of the engine, on a schedule chosen for the whole server or by one request's model name
(`plan.py`), and it keeps the truth: when each request came and each first and last token left (GET /log), and how many
questions it answered rightly (GET /skill). Importing this package imports nothing else.
"""
