"""The shapes of what is answered, and of what operators and admins send, exactly as the contract lists them."""
