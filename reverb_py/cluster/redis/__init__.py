"""Many nodes over Redis."""
