"""Moving photographs and paintings: the file that holds one, its timing, and its encodings."""
