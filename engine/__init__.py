"""Map a radiology exam name to ranked rows of a catalogue of imaging procedures."""
