"""A load test of any server of the Pusher protocol, from the side of its clients and publishers.

It shares no code with the server here: signatures, requests and the frames that it sends are the conformance suite's.
Only reading is its own, for speed: a listener must cost less than the server that it measures.
"""
