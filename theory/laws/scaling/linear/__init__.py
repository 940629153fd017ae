"""The linear scaling rule: what it keeps and what it does not."""
