"""Who calls: their keys, how often they may, and who is signed in to the console."""
