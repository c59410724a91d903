"""The stores, one module for each domain. They fulfil the core's ports by shape."""
