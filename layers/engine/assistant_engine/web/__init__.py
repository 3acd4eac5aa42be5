"""Fetches from addresses that strangers give."""
