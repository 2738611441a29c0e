"""Exceptions of the services that have few rules, by AWS's own names.

Each is a :class:`~lambdalab.errors.ServiceError`: ``code``, ``status_code`` and ``message`` are AWS's, the
hint after it is ours. Those that several services share stand in :mod:`lambdalab.errors`.
"""

from __future__ import annotations

from lambdalab.errors import ServiceError


class InvalidParameterException(ServiceError, ValueError):
    """CloudWatch Logs: a parameter of the request is not valid, a filter pattern above all."""

    status_code = 400


class UserLambdaValidationException(ServiceError):
    """Cognito: a trigger's function raised an error; its text is in the message."""

    status_code = 400


class UnexpectedLambdaException(ServiceError):
    """Cognito: a trigger's function could not be had: no permission, a throttle, no answer in time."""

    status_code = 400


class InvalidLambdaResponseException(ServiceError):
    """Cognito: a trigger's function answered with something that Cognito does not take."""

    status_code = 400


class UsernameExistsException(ServiceError):
    """Cognito: there is a user of that name already."""

    status_code = 400


class UserNotFoundException(ServiceError, LookupError):
    """Cognito: there is no such user."""

    status_code = 400


class UserNotConfirmedException(ServiceError):
    """Cognito: the user has not been confirmed yet."""

    status_code = 400


class NotAuthorizedException(ServiceError):
    """Cognito: it is not allowed in the state in which the user is."""

    status_code = 400


class InvalidLambdaFunctionAssociation(ServiceError, ValueError):
    """CloudFront: the function cannot run at the edge."""

    status_code = 400


class RepositoryNameExistsException(ServiceError):
    """CodeCommit: there is a repository of that name already."""

    status_code = 400


class RepositoryDoesNotExistException(ServiceError, LookupError):
    """CodeCommit: there is no such repository any more."""

    status_code = 400


class MaximumRepositoryTriggersExceededException(ServiceError):
    """CodeCommit: a repository cannot have so many triggers."""

    status_code = 400


class BranchDoesNotExistException(ServiceError, LookupError):
    """CodeCommit: there is no such branch."""

    status_code = 400


class BranchNameExistsException(ServiceError):
    """CodeCommit: there is a branch of that name already."""

    status_code = 400


class AlreadyExistsException(ServiceError):
    """CloudFormation: there is a stack of that name already."""

    status_code = 400


class ValidationError(ServiceError, ValueError):
    """CloudFormation: the stack's state, or a parameter, does not allow it."""

    status_code = 400


class InvalidResultTokenException(ServiceError):
    """AWS Config: evaluations came with a token that no rule has given out."""

    status_code = 400


class MaxNumberOfConfigRulesExceededException(ServiceError):
    """AWS Config: the account may not have so many rules."""

    status_code = 400
