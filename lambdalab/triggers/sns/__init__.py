"""Amazon SNS: topics, subscriptions with filter policies, its retries and dead-letter queues.

Standard topics that deliver to functions and to SQS queues. FIFO topics (which deliver to no function),
and HTTP, e-mail, SMS and mobile endpoints are not simulated.
"""
