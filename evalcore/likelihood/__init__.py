"""Likelihood: options compared by how likely the model finds them, instead of answered in words.

    base.py             what a way of comparing is: requests out of a Comparison, likelihoods out of the answers
    align.py            which token stands where in a text; where a context ends
    exact.py            what the two exact ways share: any text can be scored
    echo.py             completions that repeat the prompt with its likelihoods (OpenAI legacy, vLLM, llama-cpp-python)
    prompt_logprobs.py  vLLM's likelihoods of the prompt
    first_token.py      letters only: the likeliest first tokens of an answer
    guided_choice.py    letters only: an answer that cannot be anything else; no likelihoods at all
    ways.py             the table of ways, the most exact one first
    probe.py            which of them an endpoint offers: asked once a run, and not believed without a check

How the numbers become scores is evalcore.scoring.likelihood's.
"""
