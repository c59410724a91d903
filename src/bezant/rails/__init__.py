"""The far side: each rail speaks one network's language."""
