"""Judging pictures on what the optimizer did not see, so that it never grades itself."""

from tools.evaluation.judge import Judge, JudgeError, Verdict

__all__ = ["Judge", "JudgeError", "Verdict"]
