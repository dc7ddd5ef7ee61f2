"""Pages: the service in a browser, over the same index, queue and readers as the API.

Pages are rendered here, on the server, and are whole without a script; the few small modules in static/ start jobs,
stop them, delete runs (all through the API), and draw. To add a page: a handler in the file of its noun, a template,
and a line in `table.py`.

What must stay true
    Everything foreign is escaped by the templates, or reaches a script as JSON that no browser executes and goes into
    the page as text. No script and no style stands in a page: the policy in security.py allows files of static/ only.
    Nothing is fetched from elsewhere. Signs that would act in a text (controls, those that turn the direction of
    writing) are shown as dots.
    Whatever reads records or reviews happens in the readers, never in the loop; what takes long to make is kept beside
    the outputs until the run's folder changes.

Rooms
    table.py       which addresses there are      rendering.py  templates, their words, and the frame of a page
    static.py      style and scripts              bodies.py     tables and charts of a run, made by a reader and kept
    differing.py   what two texts have in common  runs.py, start.py, jobs.py, evals.py, requests.py, compare.py,
                                                  benchmarks.py, doors.py (the login, and what is refused)
"""
