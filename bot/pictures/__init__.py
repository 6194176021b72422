"""Encoding pictures for upload: fitted to a size limit, or before and after side by side."""
