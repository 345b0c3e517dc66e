"""What tests import; loads before settings, so it imports dbroute.django only inside functions."""
