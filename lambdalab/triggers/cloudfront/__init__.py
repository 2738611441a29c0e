"""Amazon CloudFront, with functions at its edge."""
