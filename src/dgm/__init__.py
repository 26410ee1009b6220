"""Helper package of *Deep Generative Models: an executable course*.

A lecture defines its subject in the open and imports the machinery from here.
Four layers, imports only downward:

1. ``data``, ``densities``, ``layers``, ``training``: the raw material;
2. ``likelihood``: exact enumeration and estimates with their standard error;
3. ``checks``, ``figures``, ``record``: what a page asserts, draws and reports;
4. ``course``: the ``dgm`` command, for instructors and maintainers.
"""
