"""Record stores: engines that keep rows. Each is imported from its own module."""
