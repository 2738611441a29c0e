"""Amazon API Gateway: REST APIs and HTTP APIs in front of functions (``lab.api_gateway``)."""

from __future__ import annotations

from lambdalab.triggers.api_gateway.http_api import HttpApi
from lambdalab.triggers.api_gateway.integration import MethodRequest
from lambdalab.triggers.api_gateway.rest import RestApi
from lambdalab.triggers.api_gateway.routes import Route
from lambdalab.triggers.api_gateway.service import ApiGateway

__all__ = ["ApiGateway", "HttpApi", "MethodRequest", "RestApi", "Route"]
