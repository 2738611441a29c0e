"""What calls Lambda by itself: one file for each AWS service, and what they share.

:mod:`.push` hands events over and lets go of them, :mod:`.front` waits for the function's answer,
:mod:`.http` is what an HTTP caller says and gets. :mod:`.parts` is what every service is given.
"""
