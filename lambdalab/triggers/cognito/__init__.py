"""Amazon Cognito: user pools and their triggers."""
