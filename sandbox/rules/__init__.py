"""The strict rules: what Discord refuses, the sandbox refuses too.

Each rule is a small named check with a link to Discord's documentation; see
`sandbox.rules.registry`. Importing this package registers all of them.
"""

from sandbox.rules import commands, components, interactions, interactive, messages, modals, v2
from sandbox.rules.registry import Finding, FormBody, all_rules, judge, judge_all

__all__ = ["Finding", "FormBody", "all_rules", "judge", "judge_all"]
_REGISTERED = (commands, components, interactions, interactive, messages, modals, v2)
