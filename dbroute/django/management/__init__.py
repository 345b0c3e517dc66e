"""The commands of the app ``dbroute``, and what they share."""
