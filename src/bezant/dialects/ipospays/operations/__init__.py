"""What ``transactionType`` can ask for: a contract and its translation in each module."""
