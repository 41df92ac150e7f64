"""Sphinx configuration for `make docs`: Markdown pages, nothing loaded from the network."""

project = "segsweep"
author = "the segsweep authors"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

highlight_language = "text"

html_theme = "furo"
html_title = "segsweep"
html_copy_source = False
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["style.css"]
smartquotes = False  # keeps --option as it is

linkcheck_timeout = 20
linkcheck_workers = 4
