"""Feature extractors: the `Encoder` protocol, VGG-19, and how a network is opened."""
