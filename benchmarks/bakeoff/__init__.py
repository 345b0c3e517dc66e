"""Eight broken configurations, written for dbroute and for each of its peers, and who says what about them."""
