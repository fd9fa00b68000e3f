"""What outgrows one stream: arrays, collections and logs."""
