"""Cognito: what a user pool asks its triggers, and what comes of their answers."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser import models

from lambdalab import Lab
from lambdalab.errors import InvalidSetting, ServiceError, UnknownName
from lambdalab.triggers.errors import (
    InvalidLambdaResponseException,
    NotAuthorizedException,
    UnexpectedLambdaException,
    UserLambdaValidationException,
    UsernameExistsException,
    UserNotConfirmedException,
    UserNotFoundException,
)

ANN = {"email": "ann@example.com"}


def same(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return event


def test_a_sign_up_asks_and_obeys(lab: Lab) -> None:
    seen: list[dict[str, Any]] = []

    @lab.function
    def check(event: Any, context: Any) -> Any:
        seen.append(event)
        response = {**event["response"], "autoConfirmUser": True, "autoVerifyEmail": True}
        return {**event, "response": response}

    @lab.function
    def welcome(event: Any, context: Any) -> Any:
        seen.append(event)
        return event

    pool = lab.cognito.create_user_pool("people", pre_sign_up=check, post_confirmation=welcome)
    user = pool.sign_up("ann", ANN, client_metadata={"from": "web"})
    assert user.status == "CONFIRMED"
    assert user.attributes["email_verified"] == "true"
    first, second = seen
    models.CognitoPreSignupTriggerModel.model_validate(first)
    models.CognitoPostConfirmationTriggerModel.model_validate(second)
    assert first["request"]["clientMetadata"] == {"from": "web"}
    assert first["response"] == {
        "autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False
    }  # fmt: skip
    requests = lab.trace.requests
    assert list(requests.front) == ["people sign_up"]
    assert list(requests.status_code) == [200]
    assert list(lab.trace.invocations.source) == ["people", "people"]
    assert (lab.trace.invocations.invocation_type == "RequestResponse").all()


def test_a_code_goes_out_and_is_typed(lab: Lab) -> None:
    seen: list[dict[str, Any]] = []

    @lab.function
    def word(event: Any, context: Any) -> Any:
        seen.append(event)
        event["response"]["emailSubject"] = "Welcome"
        event["response"]["emailMessage"] = f"Your code is {event['request']['codeParameter']}"
        return event

    pool = lab.cognito.create_user_pool("people", custom_message=word)
    user = pool.sign_up("ann", ANN)
    assert user.status == "UNCONFIRMED"
    assert user.messages == [{"emailSubject": "Welcome", "emailMessage": "Your code is {####}"}]
    models.CognitoCustomMessageTriggerModel.model_validate(seen[0])
    with pytest.raises(UserNotConfirmedException, match="User is not confirmed"):
        pool.sign_in("ann")
    assert pool.confirm("ann").status == "CONFIRMED"
    with pytest.raises(NotAuthorizedException, match="Current status is CONFIRMED"):
        pool.confirm("ann")
    assert pool.sign_in("ann")["email"] == "ann@example.com"
    with pytest.raises(UsernameExistsException, match="User already exists"):
        pool.sign_up("ann", ANN)
    with pytest.raises(UserNotFoundException, match="User does not exist"):
        pool.sign_in("bob")


def test_a_sign_in_asks_three_and_takes_the_claims(lab: Lab) -> None:
    seen: list[dict[str, Any]] = []

    @lab.function
    def watch(event: Any, context: Any) -> Any:
        seen.append(event)
        return event

    @lab.function
    def claims(event: Any, context: Any) -> Any:
        seen.append(event)
        event["response"]["claimsOverrideDetails"] = {
            "claimsToAddOrOverride": {"plan": "gold"}, "claimsToSuppress": ["email"],
            "groupOverrideDetails": {"groupsToOverride": ["admins"]},
        }  # fmt: skip
        return event

    pool = lab.cognito.create_user_pool(
        "people", pre_authentication=watch, post_authentication=watch, pre_token_generation=claims
    )
    pool.sign_up("ann", ANN)
    pool.confirm("ann")
    token = pool.sign_in("ann")
    assert token["plan"] == "gold"
    assert "email" not in token
    assert token["cognito:groups"] == ["admins"]
    assert [event["triggerSource"] for event in seen] == [
        "PreAuthentication_Authentication", "PostAuthentication_Authentication",
        "TokenGeneration_Authentication",
    ]  # fmt: skip
    models.CognitoPreAuthenticationTriggerModel.model_validate(seen[0])
    models.CognitoPostAuthenticationTriggerModel.model_validate(seen[1])
    models.CognitoPreTokenGenerationTriggerModelV1.model_validate(seen[2])


def test_a_trigger_without_an_answer_is_asked_three_times(lab: Lab) -> None:
    @lab.function(timeout=30)
    def slow(event: Any, context: Any) -> Any:
        time.sleep(8)
        return event

    pool = lab.cognito.create_user_pool("people", pre_sign_up=slow)
    with pytest.raises(UnexpectedLambdaException, match="Socket timeout while invoking"):
        pool.sign_up("ann", ANN)
    assert lab.elapsed == 15
    assert "ann" not in pool.users
    lab.run()
    assert list(lab.trace.invocations.status) == ["succeeded"] * 3  # they run on, and are billed
    assert list(lab.trace.requests.cause) == ["integration_timeout"]


def test_what_the_function_raises_is_final(lab: Lab) -> None:
    @lab.function
    def strict(event: Any, context: Any) -> Any:
        raise ValueError("no such domain")

    pool = lab.cognito.create_user_pool("people", pre_sign_up=strict)
    with pytest.raises(UserLambdaValidationException) as caught:
        pool.sign_up("ann", ANN)
    assert caught.value.message == "PreSignUp failed with error no such domain."
    assert caught.value.status_code == 400
    assert len(lab.trace.invocations) == 1
    assert pool.users == {}


@pytest.mark.parametrize(
    "answer", [None, {"response": None}, {"response": {"autoConfirmUser": "x"}}]
)
def test_an_answer_of_another_shape(lab: Lab, answer: Any) -> None:
    def odd(event: Any, context: Any) -> Any:
        return answer

    pool = lab.cognito.create_user_pool("people", pre_sign_up=lab.create_function("odd", odd))
    with pytest.raises(InvalidLambdaResponseException, match="Unrecognizable lambda output"):
        pool.sign_up("ann", ANN)


def test_without_the_permission(lab: Lab) -> None:
    check = lab.create_function("check", same)
    pool = lab.cognito.create_user_pool("people", pre_sign_up=check)
    lab.remove_permission(check)
    with pytest.raises(UnexpectedLambdaException, match="due to error AccessDeniedException"):
        pool.sign_up("ann", ANN)
    assert list(lab.trace.invocations.cause) == ["access_denied"]


def test_throttles_are_tried_again(lab: Lab) -> None:
    check = lab.create_function("check", same, reserved_concurrency=0)
    pool = lab.cognito.create_user_pool("people", pre_sign_up=check)
    with pytest.raises(UnexpectedLambdaException, match="TooManyRequestsException"):
        pool.sign_up("ann", ANN)
    assert len(lab.trace.invocations) == 3


def test_a_custom_sender_is_not_waited_for(lab: Lab) -> None:
    seen: list[dict[str, Any]] = []

    @lab.function
    def send(event: Any, context: Any) -> None:
        seen.append(event)
        time.sleep(2)

    pool = lab.cognito.create_user_pool("people", custom_email_sender=send)
    pool.sign_up("ann", ANN)
    assert lab.elapsed == 0
    lab.run()
    models.CognitoCustomEmailSenderTriggerModel.model_validate(seen[0])
    assert list(lab.trace.invocations.invocation_type) == ["Event"]


def test_names_and_reset(lab: Lab) -> None:
    check = lab.create_function("check", same)
    pool = lab.cognito.create_user_pool("people", pre_sign_up=check)
    assert lab.cognito.create_user_pool("people", pre_sign_up=check) is pool
    assert repr(pool) == "<user pool people: PreSignUp -> check · 0 users>"
    with pytest.raises(UnknownName, match="PreSignUp"):
        pool.trigger("PreSignup", check)
    pool.sign_up("ann", ANN)
    assert repr(pool).endswith("· 1 user>")
    lab.reset()
    assert pool.users == {}
    assert pool.sign_up("ann", ANN).name == "ann"
    pool.trigger("pre_sign_up", None)
    pool.sign_up("bob")
    assert len(lab.trace.invocations) == 1


def test_a_handler_signs_users_up(lab: Lab) -> None:
    check = lab.create_function("check", same)
    pool = lab.cognito.create_user_pool("people", pre_sign_up=check)

    @lab.function(timeout=10)
    def register(event: Any, context: Any) -> str:
        try:
            return str(pool.sign_up(event["name"]).status)
        except ServiceError as error:
            return error.code

    assert lab.invoke(register, {"name": "ann"}).payload == "UNCONFIRMED"
    assert lab.invoke(register, {"name": "ann"}).payload == "UsernameExistsException"
    calls = lab.trace.short.invocations
    assert calls["from"][calls.function == "check"].item() == "r1"


def test_of_two_sign_ups_at_once_one_is_first(lab: Lab) -> None:
    @lab.function
    def check(event: Any, context: Any) -> Any:
        time.sleep(1)
        return event

    pool = lab.cognito.create_user_pool("people", pre_sign_up=check)
    heard: list[str] = []

    @lab.function(timeout=30)
    def join(event: Any, context: Any) -> None:
        try:
            heard.append(pool.sign_up("ann").name)
        except UsernameExistsException as error:
            heard.append(error.message)

    for _ in range(2):
        lab.invoke(join, invocation_type="Event")
    lab.run()
    assert heard == ["ann", "User already exists"]


@pytest.mark.parametrize(
    "details",
    [
        "x",
        [1],
        {"claimsToAddOrOverride": 3},
        {"claimsToSuppress": 3},
        {"groupOverrideDetails": "x"},
    ],
)
def test_claims_of_another_shape(lab: Lab, details: Any) -> None:
    @lab.function
    def claims(event: Any, context: Any) -> Any:
        return {**event, "response": {"claimsOverrideDetails": details}}

    pool = lab.cognito.create_user_pool("people", pre_token_generation=claims)
    pool.sign_up("ann")
    pool.confirm("ann")
    with pytest.raises(InvalidLambdaResponseException):
        pool.sign_in("ann")


def test_what_is_no_text(lab: Lab) -> None:
    pool = lab.cognito.create_user_pool("people")
    for given in (3, "x", ["a"], {"a": 1}):
        with pytest.raises(InvalidSetting, match="texts by name"):
            pool.sign_up("ann", given)
        with pytest.raises(InvalidSetting, match="client_metadata"):
            pool.sign_in("ann", client_metadata=given)
    for verb in (pool.sign_up, pool.confirm, pool.sign_in):
        with pytest.raises(InvalidSetting, match="username"):
            verb(["ann"])
    with pytest.raises(UnknownName):
        pool.trigger(["PreSignUp"], None)
