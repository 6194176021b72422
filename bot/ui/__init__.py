"""What messages are made of: words, pages, buttons, forms."""
