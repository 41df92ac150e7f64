"""How Sphinx builds these pages (`make docs`): plain Markdown, and nothing from the network."""

project = "segsweep"
author = "the segsweep authors"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]

html_theme = "furo"
html_title = "segsweep"
html_copy_source = False
html_show_copyright = False

linkcheck_timeout = 20
linkcheck_workers = 4
