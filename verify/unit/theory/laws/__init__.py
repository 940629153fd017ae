"""Numbers that single laws must give."""
