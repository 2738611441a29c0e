"""Stands in for AWS's SDK, so that the handlers beside it read as they would on AWS.

`import boto3` in a handler finds this file first, as it would find one in a deployment package.
`boto3.client("lambda").invoke(...)` calls a function of the lab that the handler runs in.
"""

from lambdalab.examples.orders.sdk import client

__all__ = ["client"]
