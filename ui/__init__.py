"""What the pages share: state, widgets, viewers, the page guard."""
