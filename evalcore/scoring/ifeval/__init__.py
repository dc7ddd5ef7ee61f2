"""IFEval's instructions: one file per family of them, and `table.INSTRUCTIONS` that lists all 25.

Protocol: Zhou et al., "Instruction-Following Evaluation for Large Language Models", 2023, arXiv 2311.07911, and the
checker in google-research/google-research, instruction_following_eval. Its relations are "at least" and "less than".
A check is a pure function of the response and the instruction's arguments; where the reference's regular expressions
take quadratic time, ours find the same matches in linear time.

Known deviations, and why:
- Where the reference draws a missing argument at random, no response can follow the instruction: the verdict is None,
  counted as not followed. That holds for a letter outside a-z too (prompts 1122 and 1129), which the protocol
  `prompt_strict_fixed` counts as it stands.
- langdetect is seeded with 0; unseeded, the reference gives one text several verdicts.
- Sentences are split by nltk's Punkt algorithm without its trained English data, which is a download: see sentences.py.
"""
