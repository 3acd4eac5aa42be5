"""What is done with a run: create it, take its turns, submit tool outputs, cancel it, end it."""
