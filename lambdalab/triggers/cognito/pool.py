"""Amazon Cognito user pools: triggers that a sign-up or sign-in waits for.

Each trigger is called synchronously and has 5 seconds to return the event with its ``response`` filled.
A call that gets no answer, or that Lambda throttles, is made again, three times in all; what the function
raises is final and reaches the user as ``UserLambdaValidationException``. Custom senders are invoked
asynchronously. Sources: the Cognito developer guide, "Customizing user pool workflows with Lambda
triggers" and the page of each trigger. Not simulated: Cognito Sync (no new users since 2018), challenges,
user migration, passwords, tokens as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambdalab.errors import UnknownName
from lambdalab.functions.outcome import encode
from lambdalab.invocation.front_door import Origin
from lambdalab.sources.shown import Shown
from lambdalab.triggers.cognito.calls import PRINCIPAL, TRIGGERS, TriggerCalls, User, attributes_of
from lambdalab.triggers.errors import (
    InvalidLambdaResponseException,
    NotAuthorizedException,
    UsernameExistsException,
    UserNotConfirmedException,
    UserNotFoundException,
)
from lambdalab.triggers.parts import REGION, Parts, arn, no_others
from lambdalab.triggers.push import FunctionReceiver, Push
from lambdalab.triggers.thin import (
    Doing,
    Steps,
    checked_text,
    checked_texts,
    few_tries,
    hexadecimal,
    uuid,
)


class UserPool(Shown):
    """A user pool: its triggers and its users.

    Attributes: ``name``, ``id``, ``arn``, ``users`` by name.
    """

    def __init__(self, parts: Parts, name: str) -> None:
        self.name, self._parts = name, parts
        self.id = f"{REGION}_{hexadecimal(parts, f'user pool/{name}', 9)}"
        self.client_id = hexadecimal(parts, f"user pool client/{name}", 26)
        self.arn = arn("cognito-idp", f"userpool/{self.id}")
        self._calls = TriggerCalls(parts, self.id, self.client_id, self.arn)
        self._senders: dict[str, Push] = {}
        self.begin()

    def begin(self) -> None:
        """A run begins: no users."""
        self.users: dict[str, User] = {}
        for push in self._senders.values():
            push.begin()
        self._tell()

    def _tell(self) -> None:
        wired = {trigger: target.arn for trigger, target in self._calls.targets.items()}
        timeout = self._parts.rules.cognito_timeout
        self._parts.books.wired("user_pool", self.name, {**wired, "trigger_timeout": timeout})

    def trigger(self, name: str, function: Any) -> None:
        """Have a function called (None: no longer); the console grants the pool its permission.

        Parameters: AWS's name of the trigger (``"PreSignUp"``) or the keyword (``"pre_sign_up"``); the
        function.
        """
        self._parts.origin()
        known = TRIGGERS.get(str(name), name)
        if known not in TRIGGERS.values():
            raise UnknownName("user pool trigger", name, TRIGGERS.values())
        if function is None:
            self._calls.targets.pop(known, None)
        else:
            target = self._parts.target(function)
            self._parts.grant(target, PRINCIPAL, self.arn, f"{self.name}-{known}")
            self._calls.targets[known] = target
            if known.endswith("Sender"):
                receiver = FunctionReceiver(self._parts, target, PRINCIPAL, self.arn)
                name = f"{self.name} {known}->{receiver.name}"
                self._senders[known] = Push(self._parts, name, receiver, few_tries(self._parts))
        self._tell()

    # ------------------------------------------------------------------ what people say

    def sign_up(
        self,
        username: str,
        attributes: Mapping[str, str] | None = None,
        *,
        validation_data: Mapping[str, str] | None = None,
        client_metadata: Mapping[str, str] | None = None,
        **unknown: object,
    ) -> User:
        """A user signs up: PreSignUp, then a message with a code (CustomMessage), or PostConfirmation
        where the function confirms the user itself.

        ``attributes`` of the user by name, as in ``{"email": "ann@example.com"}``.

        Raises :class:`~lambdalab.triggers.errors.UsernameExistsException`, and what a trigger makes of it:
        ``UserLambdaValidationException``, ``UnexpectedLambdaException`` or
        ``InvalidLambdaResponseException``. Then there is no such user, unless only PostConfirmation
        failed, which comes afterwards.
        """
        no_others("sign_up", unknown, ("attributes", "validation_data", "client_metadata"))
        checked_text("username", username, 128, "botocore SignUp")
        told = checked_texts("attributes", attributes, "botocore SignUp")
        more = {
            "validationData": _none("validation_data", validation_data),
            "clientMetadata": _none("client_metadata", client_metadata),
        }
        return self._do("sign_up", lambda _: self._sign_up(username, told, more))  # type: ignore[no-any-return]

    def confirm(self, username: str) -> User:
        """The user types the code (ConfirmSignUp): PostConfirmation."""
        checked_text("username", username, 128, "botocore ConfirmSignUp")
        return self._do("confirm_sign_up", lambda _: self._confirm(username))  # type: ignore[no-any-return]

    def sign_in(
        self, username: str, *, client_metadata: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The user signs in: PreAuthentication, PostAuthentication, PreTokenGeneration.

        Returns the claims of the id token, with what the last of them changed.
        """
        checked_text("username", username, 128, "botocore InitiateAuth")
        more = _none("client_metadata", client_metadata)
        return self._do("sign_in", lambda _: self._sign_in(username, more))  # type: ignore[no-any-return]

    def _do(self, verb: str, steps: Callable[[Origin], Steps]) -> Any:
        self._parts.origin()
        return Doing(self._parts, f"{self.name} {verb}", self.name, steps).wait()

    # ------------------------------------------------------------------ the flows

    def _sign_up(self, name: str, attributes: dict[str, str], more: dict[str, Any]) -> Steps:
        if name in self.users:
            raise UsernameExistsException("User already exists")
        user = User(name, {"sub": uuid(self._parts, f"user/{self.name}/{name}"), **attributes})
        request = {"userAttributes": dict(attributes), **more}
        answer = yield from self._calls.ask("PreSignUp", "SignUp", user, request)
        for flag, attribute in (
            ("autoVerifyEmail", "email"), ("autoVerifyPhone", "phone_number")
        ):  # fmt: skip
            if answer.get(flag):
                if attribute not in attributes:
                    raise InvalidLambdaResponseException(
                        f"Attribute {attribute} is required to set {flag}"
                    )
                user.attributes[f"{attribute}_verified"] = "true"
        if name in self.users:  # somebody was faster while the function ran
            raise UsernameExistsException("User already exists")
        self.users[name] = user
        if answer.get("autoConfirmUser"):
            user.status = "CONFIRMED"
            yield from self._confirmed(user)
        elif "email" in attributes or "phone_number" in attributes:
            yield from self._send_code(user, more["clientMetadata"])
        return user

    def _send_code(self, user: User, client_metadata: Any) -> Steps:
        """A code goes out, by the pool itself or by a custom sender."""
        by = "CustomEmailSender" if "email" in user.attributes else "CustomSMSSender"
        if by in self._senders and by in self._calls.targets:
            kind = "customEmailSenderRequestV1" if "Email" in by else "customSMSSenderRequestV1"
            request = {
                "type": kind, "code": "a code that only the sender can decrypt",
                "userAttributes": attributes_of(user), "clientMetadata": client_metadata,
            }  # fmt: skip
            event = self._calls.event(by, "SignUp", user, request)
            del event["response"]
            self._senders[by].send(self._parts.new_number(), encode(event))
            return
        answer = yield from self._calls.ask(
            "CustomMessage", "SignUp", user,
            {
                "userAttributes": attributes_of(user), "codeParameter": "{####}",
                "linkParameter": "{##Click Here##}", "usernameParameter": None,
                "clientMetadata": client_metadata,
            },
        )  # fmt: skip
        user.messages.append({key: text for key, text in answer.items() if text is not None})

    def _confirm(self, name: str) -> Steps:
        user = self._user(name)
        if user.status == "CONFIRMED":
            raise NotAuthorizedException("User cannot be confirmed. Current status is CONFIRMED")
        user.status = "CONFIRMED"
        yield from self._confirmed(user)
        return user

    def _confirmed(self, user: User) -> Steps:
        request = {"userAttributes": attributes_of(user)}
        yield from self._calls.ask("PostConfirmation", "ConfirmSignUp", user, request)

    def _sign_in(self, name: str, client_metadata: Any) -> Steps:
        user = self._user(name)
        told = attributes_of(user)
        request = {"userAttributes": told, "validationData": client_metadata}
        yield from self._calls.ask("PreAuthentication", "Authentication", user, request)
        if user.status != "CONFIRMED":
            raise UserNotConfirmedException("User is not confirmed.")
        request = {
            "userAttributes": told, "newDeviceUsed": False, "clientMetadata": client_metadata
        }  # fmt: skip
        yield from self._calls.ask("PostAuthentication", "Authentication", user, request)
        groups: dict[str, Any] = {
            "groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": None
        }  # fmt: skip
        request = {
            "userAttributes": told, "groupConfiguration": groups, "clientMetadata": client_metadata
        }  # fmt: skip
        answer = yield from self._calls.ask("PreTokenGeneration", "Authentication", user, request)
        override = answer.get("claimsOverrideDetails") or {}
        groups = override.get("groupOverrideDetails") or {} if isinstance(override, dict) else {}
        if not (
            isinstance(override, dict) and isinstance(groups, dict)
            and isinstance(override.get("claimsToAddOrOverride") or {}, dict)
            and isinstance(override.get("claimsToSuppress") or [], list)
        ):  # fmt: skip
            raise InvalidLambdaResponseException("Unrecognizable lambda output")
        return self._claims(user, override)

    def _claims(self, user: User, override: dict[str, Any]) -> dict[str, Any]:
        claims: dict[str, Any] = {
            **user.attributes, "cognito:username": user.name, "aud": self.client_id,
            "iss": f"https://cognito-idp.{REGION}.amazonaws.com/{self.id}", "token_use": "id",
        }  # fmt: skip
        claims.update(override.get("claimsToAddOrOverride") or {})
        for name in override.get("claimsToSuppress") or ():
            claims.pop(str(name), None)
        groups = (override.get("groupOverrideDetails") or {}).get("groupsToOverride")
        return claims if not groups else {**claims, "cognito:groups": groups}

    def _user(self, name: str) -> User:
        if name not in self.users:
            raise UserNotFoundException("User does not exist.")
        return self.users[name]

    def __repr__(self) -> str:
        wired = ", ".join(f"{name} -> {to.name}" for name, to in self._calls.targets.items())
        count = f"{len(self.users)} user{'s' * (len(self.users) != 1)}"
        return f"<user pool {self.name}: {wired or 'no triggers'} · {count}>"


def _none(setting: str, given: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if given is None else checked_texts(setting, given, "botocore SignUp")
