"""Networks that judge content and style: what an encoder is, VGG19, and how one is opened."""
