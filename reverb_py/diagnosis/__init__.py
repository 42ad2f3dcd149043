"""Why an event did not arrive: what the server remembers of it, and what can be found out from outside."""
