"""What all who paint share: opening a studio, loading pictures, following and recording.

The command line and the queue's worker add only where pictures come from and go to.
"""
