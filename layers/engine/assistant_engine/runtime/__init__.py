"""Holds what every Lambda function shares: its handler, its log, its clock, its metrics."""
