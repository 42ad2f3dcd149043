"""The doctor: checks of a publisher's values, of the network, of a server and of an application, each with evidence.

It writes to nothing but a channel of its own, follows no redirect, and no text of it holds a secret.
"""
