"""Pages for payers: payment links, their results, receipts, QR codes, and card fields for shops."""
