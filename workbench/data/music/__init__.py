"""Drum grooves: the record, MIDI files, known sets, and sound."""
