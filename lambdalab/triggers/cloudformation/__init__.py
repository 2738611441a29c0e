"""AWS CloudFormation: stacks of custom resources, which functions make and unmake."""
