"""Calls: reading function calls out of an answer, and comparing them with the accepted ones.

Protocol: Patil et al., "The Berkeley Function Calling Leaderboard", 2024 (repository ShishirPatil/gorilla,
berkeley-function-call-leaderboard), as of August 2024: the abstract syntax of calls is compared, nothing is run.
`call` is what a call is, `read` finds calls in a text or in a message's tool_calls, `literals` turns Java's and
JavaScript's into values, `match` says whether they are those that were wanted. Pure; no answer makes them raise.
"""
