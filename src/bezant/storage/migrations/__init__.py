"""Schema versions, in order. Run by ``bezant migrate`` and at the start of a demo."""
