"""A lab over HTTP, for the AWS CLI and for SDKs of any language; needs the ``serve`` extra."""

from lambdalab.aws.endpoint.server import PORT, Server, running, serve

__all__ = ["PORT", "Server", "running", "serve"]
