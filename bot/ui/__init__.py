"""Building blocks of messages: words, pages, buttons, forms."""
