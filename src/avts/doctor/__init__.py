"""What is wrong with a collection, before a night is spent on it: a folder of videos, or a corpus.

folder (probe and decode a folder's files), corpus (check a corpus's clips), speed (can this machine feed the model).
Words and bars are in report.doctor.
"""
