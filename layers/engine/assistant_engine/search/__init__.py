"""File search: chunks of text, where they and their vectors are kept, and how they are ranked."""
