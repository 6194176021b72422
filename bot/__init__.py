"""The Discord side of Atelier: commands, messages, delivery. Never imports torch or the engine."""
