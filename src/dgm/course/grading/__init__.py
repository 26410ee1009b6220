"""Problem sets: release them to students, run what comes back, write marks.

``master`` and ``release`` make the student's edition; ``submissions`` finds the files
and ``merge`` puts answers into the master; ``sandbox``, ``session`` and ``runner``
execute that behind walls, with ``worker`` on the far side of them; ``report``,
``feedback`` and ``exports`` write; ``grade`` does it for a whole folder.
"""
