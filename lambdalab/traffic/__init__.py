"""Who calls, and when: arrival processes, payloads, replay of recorded traffic."""
