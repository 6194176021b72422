"""Output files of a painting: pictures, time-lapses, losses."""
