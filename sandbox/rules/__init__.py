"""The strict rules: what Discord refuses, refused alike.

Each rule is a small named check with the place in Discord's documentation beside it; see
`sandbox.rules.registry`. Importing this package registers all of them.
"""

from sandbox.rules import interactions as _interactions
from sandbox.rules.registry import Fault, Form, all_rules, judge

__all__ = ["Fault", "Form", "all_rules", "judge"]
_REGISTERED = (_interactions,)
