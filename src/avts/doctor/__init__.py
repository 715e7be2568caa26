"""Checks of a folder of videos or a corpus before an overnight run.

folder (probe and decode a folder's files), corpus (check a corpus's clips), speed (can this machine feed the model).
The text report is in report.doctor.
"""
