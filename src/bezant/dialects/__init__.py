"""Wire APIs: each translates one vendor's language to the core and back."""
