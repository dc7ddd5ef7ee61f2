"""LLM judges: endpoints that judge, what they are asked, and what is made of what several of them say."""
