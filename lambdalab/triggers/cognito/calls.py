"""One trigger of a user pool: the event, the call with its five seconds, and the answer.

Sources: cognito/cognito-user-pools-working-with-aws-lambda-triggers and the page of each trigger; the
texts of the errors are as users have reported them.
"""

from __future__ import annotations

from typing import Any

from lambdalab.functions.target import Target
from lambdalab.triggers.errors import (
    InvalidLambdaResponseException,
    UnexpectedLambdaException,
    UserLambdaValidationException,
)
from lambdalab.triggers.front import Result
from lambdalab.triggers.parts import REGION, Parts
from lambdalab.triggers.thin import (
    Ask,
    Steps,
    document,
    error_text,
)

PRINCIPAL = "cognito-idp.amazonaws.com"
TRIGGERS = {
    "pre_sign_up": "PreSignUp",
    "post_confirmation": "PostConfirmation",
    "pre_authentication": "PreAuthentication",
    "post_authentication": "PostAuthentication",
    "pre_token_generation": "PreTokenGeneration",
    "custom_message": "CustomMessage",
    "custom_email_sender": "CustomEmailSender",
    "custom_sms_sender": "CustomSMSSender",
}
"""The triggers of a pool by keyword, and as AWS's LambdaConfig names them."""

_RESPONSES: dict[str, dict[str, Any]] = {
    "PreSignUp": {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    "CustomMessage": {"smsMessage": None, "emailMessage": None, "emailSubject": None},
    "PreTokenGeneration": {"claimsOverrideDetails": None},
}


class User:
    """A user of a pool. Attributes: ``name``, ``attributes``, ``status``, ``messages`` sent to them."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name, self.attributes, self.status = name, attributes, "UNCONFIRMED"
        self.messages: list[dict[str, Any]] = []

    def __repr__(self) -> str:
        return f"<user {self.name}: {self.status}>"


class TriggerCalls:
    """The triggers of a pool, and how each is called.

    Parameters: the lab's ``parts``; the pool's ``id``, ``client_id`` and ``arn``. ``targets`` are the
    functions by AWS's name of the trigger.
    """

    def __init__(self, parts: Parts, pool_id: str, client_id: str, pool_arn: str) -> None:
        self._parts, self._id, self._client_id, self._arn = parts, pool_id, client_id, pool_arn
        self.targets: dict[str, Target] = {}

    def ask(self, trigger: str, why: str, user: User, request: dict[str, Any]) -> Steps:
        """Call a trigger's function, again where it gave no answer; its ``response``."""
        target = self.targets.get(trigger)
        event = self.event(trigger, why, user, request)
        if target is None:
            return event["response"]
        tries: int = self._parts.rules.cognito_tries
        for number in range(1, tries + 1):
            limit_us = self._parts.us("cognito_timeout")
            result: Result = yield Ask(target, event, PRINCIPAL, self._arn, limit_us)
            busy = result.error is not None and (
                result.error.status_code == 429 or result.error.status_code >= 500
            )
            if number == tries or not (result.timed_out or busy):
                break
        good = result.modelled and result.good
        return event["response"] if good else self._answer(trigger, result)

    def _answer(self, trigger: str, result: Result) -> dict[str, Any]:
        """The ``response`` of a good answer; what Cognito says of any other (seen in users' reports)."""
        failed = f"{trigger} invocation failed due to error"
        if result.timed_out:
            raise UnexpectedLambdaException(
                f"{failed} Socket timeout while invoking Lambda function."
            )
        if result.error is not None:
            raise UnexpectedLambdaException(f"{failed} {result.error.code}.")
        if result.failure is not None:
            raise UserLambdaValidationException(
                f"{trigger} failed with error {error_text(result)}."
            )
        told = document(result.response)
        answer = told.get("response") if isinstance(told, dict) else None
        flags = answer if isinstance(answer, dict) and trigger == "PreSignUp" else {}
        if not isinstance(answer, dict) or not all(
            isinstance(flag, (bool, type(None))) for flag in flags.values()
        ):
            raise InvalidLambdaResponseException(
                "Unrecognizable lambda output",
                "; a trigger returns the event it was given, with its response filled",
            )
        return answer

    def event(self, trigger: str, why: str, user: User, request: dict[str, Any]) -> dict[str, Any]:
        """The event of a trigger."""
        prefix = "TokenGeneration" if trigger == "PreTokenGeneration" else trigger
        return {
            "version": "1", "region": REGION, "userPoolId": self._id, "userName": user.name,
            "triggerSource": f"{prefix}_{why}",
            "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": self._client_id},
            "request": {key: value for key, value in request.items() if value is not None},
            "response": dict(_RESPONSES.get(trigger, {})),
        }  # fmt: skip


def attributes_of(user: User) -> dict[str, str]:
    """A user's attributes as the events have them."""
    return {**user.attributes, "cognito:user_status": user.status}
