"""What a painting leaves behind: picture files, time-lapses and the course of the loss."""
