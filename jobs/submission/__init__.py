"""How a command becomes a job: intakes, submissions, and the limits on them."""
