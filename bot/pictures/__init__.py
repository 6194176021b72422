"""Pictures made to be shown: fitted to an upload limit, or before and after side by side."""
