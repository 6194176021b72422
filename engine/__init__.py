"""The painter: style transfer by optimisation, as a library, a command and a queue worker."""
