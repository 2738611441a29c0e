"""How a request gets to a function: the front door, the event queue, retries, dead-letter queues."""
