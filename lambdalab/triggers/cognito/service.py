"""The user pools of a lab (:mod:`.pool` has what they do)."""

from __future__ import annotations

from typing import Any, ClassVar

from lambdalab.triggers.cognito.pool import UserPool
from lambdalab.triggers.parts import no_others
from lambdalab.triggers.thin import ThinService, checked_text


class Cognito(ThinService[UserPool]):
    """The user pools of a lab."""

    service: ClassVar[str] = "cognito"
    noun: ClassVar[str] = "user pool"

    def create_user_pool(
        self,
        name: str,
        *,
        pre_sign_up: Any = None,
        post_confirmation: Any = None,
        pre_authentication: Any = None,
        post_authentication: Any = None,
        pre_token_generation: Any = None,
        custom_message: Any = None,
        custom_email_sender: Any = None,
        custom_sms_sender: Any = None,
        **unknown: object,
    ) -> UserPool:
        """Make a user pool; with a name that there is, that pool, with these triggers.

        Parameters: the name, and a function for each trigger that one has. :meth:`UserPool.trigger` adds
        one later.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> @lab.function
        ... def check(event, context):
        ...     event["response"]["autoConfirmUser"] = True
        ...     return event
        >>> pool = lab.cognito.create_user_pool("people", pre_sign_up=check)
        >>> pool.sign_up("ann", {"email": "ann@example.com"})
        <user ann: CONFIRMED>
        """
        self._parts.origin()
        given = {
            "pre_sign_up": pre_sign_up, "post_confirmation": post_confirmation,
            "pre_authentication": pre_authentication, "post_authentication": post_authentication,
            "pre_token_generation": pre_token_generation, "custom_message": custom_message,
            "custom_email_sender": custom_email_sender, "custom_sms_sender": custom_sms_sender,
        }  # fmt: skip
        no_others("create_user_pool", unknown, given)
        checked_text("name", name, 128, "botocore CreateUserPool")
        for function in given.values():
            if function is not None:
                self._parts.target(function)
        pool = self._found.get(name) or UserPool(self._parts, name)
        self._found[name] = pool
        for trigger, function in given.items():
            if function is not None:
                pool.trigger(trigger, function)
        return pool
