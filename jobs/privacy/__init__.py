"""What is kept of users and for how long: export, erasure, retention."""
