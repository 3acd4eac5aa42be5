"""Resolvers, a module for each noun. A function is named after its field, and returns an object as a dict.

A member's name is its field's as Python spells it. A member that costs a read is a function without
arguments, called if the field is asked for.
"""
