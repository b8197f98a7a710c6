"""What did not happen in time: due deadlines, test clocks, and the schedulers that fire them."""
