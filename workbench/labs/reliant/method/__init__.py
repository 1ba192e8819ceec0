"""The method of `reliant`: graphs, teachers, students, training, probe."""
