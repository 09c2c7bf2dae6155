"""The left pane: channels as a tree, who is in them, the connected clients."""
