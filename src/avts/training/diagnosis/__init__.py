"""Diagnosis of training: separation of distances, probes of a step, likely causes, alarms."""
