"""What every HTTP face shares: problem+json, body limits, security headers, bearer keys, static pages, serving."""
