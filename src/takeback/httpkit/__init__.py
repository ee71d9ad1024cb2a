"""What every HTTP face shares: problem+json, body limits, security headers, bearer keys, static pages, serving.

An application is put together in this order, because the middleware added last sees a request first::

    app = bare_app("registry")
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, max_body_bytes=65536)
    app.add_middleware(InFlightLimit, max_in_flight=64)
    app.add_middleware(SecurityHeaders)
"""
