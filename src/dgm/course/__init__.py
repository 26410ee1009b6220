"""For instructors and maintainers: execute, run, record, publish and grade.

Nothing here is imported by a lecture; it needs the extra ``book``
(``pip install dgm-course[book]``).
"""
